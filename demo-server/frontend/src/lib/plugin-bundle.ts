/** Loads the scripts of plugins, each of them once, and tells precisely what went wrong when one cannot be used. */

import type { ToruPlugin } from "toru-plugin-ui";
import { problemOf } from "./api";
import { ViewFailure } from "./view-failure";
import type { ViewFailureCode } from "./view-failure";

export interface Bundle {
  /** The plugin's id, under which the script has to register. */
  id: string;
  /** Where the script is; names its content, so that it changes with the script. */
  url: string;
  /** SHA-256 of the script in hexadecimal, which the browser is asked to check. */
  sha256: string | null;
}

export const LOAD_LIMIT_MS = 15_000;
const PROBE_LIMIT_MS = 5000;

/** By URL, and so by plugin and content. Failures do not stay, so that the next try is a real one. */
const loads = new Map<string, Promise<ToruPlugin>>();
/** How often each URL failed; browsers may remember a failed script, so the next try has an address of its own. */
const failures = new Map<string, number>();
/** What loads at this moment, so that its names are not taken for another script's mistake. */
const loading = new Set<string>();

export function loadBundle(bundle: Bundle): Promise<ToruPlugin> {
  const known = loads.get(bundle.url);
  if (known) return known;
  const load = inject(bundle).catch((error: unknown) => {
    loads.delete(bundle.url);
    failures.set(bundle.url, (failures.get(bundle.url) ?? 0) + 1);
    throw error;
  });
  loads.set(bundle.url, load);
  return load;
}

/** Whether what a plugin's script throws at this moment is told by its load. */
export function isLoading(id: string): boolean {
  return loading.has(id);
}

/** Forgets everything, for tests. */
export function forgetBundles(): void {
  loads.clear();
  failures.clear();
  loading.clear();
}

async function inject(bundle: Bundle): Promise<ToruPlugin> {
  const url = addressOf(bundle);
  const before = new Map(Object.entries(withoutOld(bundle.id)));
  loading.add(bundle.id);
  try {
    await run(url, bundle);
  } finally {
    loading.delete(bundle.id);
  }
  return look(bundle, before);
}

/** Resolves when the script was evaluated without an error. */
async function run(url: URL, bundle: Bundle): Promise<void> {
  const script = document.createElement("script");
  let thrown: ErrorEvent | null = null;
  // A script that throws, or cannot be parsed, fires `load` all the same.
  const onThrow = (event: ErrorEvent) => {
    if (event.filename === url.href) thrown ??= event;
  };
  window.addEventListener("error", onThrow);
  let timer: ReturnType<typeof setTimeout> | undefined;
  try {
    const outcome = await new Promise<"load" | "error" | "timeout">((resolve) => {
      script.addEventListener("load", () => resolve("load"));
      script.addEventListener("error", () => resolve("error"));
      timer = setTimeout(() => resolve("timeout"), LOAD_LIMIT_MS);
      script.async = true;
      script.dataset["toruBundle"] = bundle.id;
      const integrity = bundle.sha256 && integrityOf(bundle.sha256);
      if (integrity) script.integrity = integrity;
      script.src = url.href;
      document.head.append(script);
    });
    if (outcome === "timeout") {
      const seconds = LOAD_LIMIT_MS / 1000;
      throw new ViewFailure("load", "load-timeout", `The plugin’s script did not arrive within ${seconds} seconds.`, url.href);
    }
    if (outcome === "error") throw await classify(url);
    if (thrown) throw evaluationFailure(thrown);
  } finally {
    clearTimeout(timer);
    window.removeEventListener("error", onThrow);
    script.remove();
  }
}

/** The plugin that a script has registered. */
function look(bundle: Bundle, before: ReadonlyMap<string, ToruPlugin>): ToruPlugin {
  const { id } = bundle;
  const registry = registered();
  const plugin: unknown = Object.hasOwn(registry, id) ? registry[id] : undefined;
  if (plugin === undefined || plugin === null) {
    const others = Object.keys(registry).filter((key) => registry[key] !== before.get(key) && !loading.has(key));
    if (others.length > 0) {
      const names = others.map((key) => `"${key}"`).join(", ");
      const message = `The plugin’s script registered as ${names}, expected "${id}".`;
      throw new ViewFailure("register", "wrong-id", message, `Write window.ToruPlugins[${JSON.stringify(id)}] = { mount, unmount }.`);
    }
    const message = `The plugin’s script registered nothing; expected window.ToruPlugins["${id}"].`;
    throw new ViewFailure("register", "not-registered", message, bundle.url);
  }
  const missing = (["mount", "unmount"] as const).filter((name) => !isFunction(plugin, name));
  if (missing.length > 0) {
    const names = missing.map((name) => `"${name}"`).join(" and ");
    throw new ViewFailure("register", "no-mount", `What the plugin registered has no function ${names}.`, bundle.url);
  }
  return plugin as ToruPlugin;
}

/** The registry without what an earlier script left for a plugin: it must not be taken for what the next one registers. */
function withoutOld(id: string): Record<string, ToruPlugin> {
  const registry = registered();
  if (Object.isExtensible(registry) && Reflect.deleteProperty(registry, id)) return registry;
  // A script has locked the object; that must not keep others from registering.
  const fresh = Object.fromEntries(Object.entries(registry).filter(([key]) => key !== id));
  window.ToruPlugins = fresh;
  return fresh;
}

/** The registry, as an object even if a script has put something else there. */
function registered(): Record<string, ToruPlugin> {
  const registry: unknown = window.ToruPlugins;
  if (typeof registry === "object" && registry !== null) return registry as Record<string, ToruPlugin>;
  const fresh: Record<string, ToruPlugin> = {};
  window.ToruPlugins = fresh;
  return fresh;
}

function isFunction(plugin: unknown, name: "mount" | "unmount"): boolean {
  return typeof (plugin as Partial<Record<string, unknown>>)[name] === "function";
}

function addressOf(bundle: Bundle): URL {
  const url = new URL(bundle.url, location.href);
  const failed = failures.get(bundle.url);
  if (failed) url.searchParams.set("retry", String(failed));
  return url;
}

/** The form in which browsers take a digest. */
export function integrityOf(sha256: string): string | null {
  if (!/^[0-9a-f]{64}$/i.test(sha256)) return null;
  const bytes = sha256.match(/../g) ?? [];
  return `sha256-${btoa(String.fromCharCode(...bytes.map((byte) => Number.parseInt(byte, 16))))}`;
}

function evaluationFailure(event: ErrorEvent): ViewFailure {
  const place = event.lineno ? ` (line ${event.lineno}, column ${event.colno})` : "";
  const words = event.message.replace(/^Uncaught /, "") || "an error without a message";
  const error: unknown = event.error;
  const stack = error instanceof Error && error.stack ? error.stack : `${event.filename}:${event.lineno}:${event.colno}`;
  return new ViewFailure("evaluate", "evaluation", `The plugin’s script stopped with an error: ${words}${place}`, stack);
}

/** Why a script did not load: its element tells nothing. */
async function classify(url: URL): Promise<ViewFailure> {
  let status = timedStatus(url);
  let type: string | null = null;
  try {
    if (status < 400) {
      const head = await fetch(url, probe("HEAD"));
      status = head.status;
      type = head.headers.get("content-type");
    }
    if (status >= 400) {
      const problem = await problemOf(await fetch(url, probe("GET")));
      return refusal(problem.status >= 400 ? problem.status : status, problem.code, url);
    }
  } catch {
    const message = "The server could not be reached while the plugin’s script was loading.";
    return new ViewFailure("load", "network", message, url.href);
  }
  if (!/^\s*(text|application)\/(x-)?(java|ecma)script\b/i.test(type ?? "")) {
    const message = `The server answered with "${type ?? "no type"}" where a script was expected.`;
    return new ViewFailure("load", "wrong-content-type", message, url.href);
  }
  const message = "The plugin’s script arrived incomplete, or is not the one that the server has announced.";
  return new ViewFailure("load", "wrong-content", message, url.href);
}

function probe(method: "HEAD" | "GET"): RequestInit {
  return { method, cache: "no-store", credentials: "same-origin", signal: AbortSignal.timeout(PROBE_LIMIT_MS) };
}

/** The status of the script's response as the browser has noted it; 0 when it has not. */
function timedStatus(url: URL): number {
  const entry = performance.getEntriesByName?.(url.href, "resource").at(-1);
  return (entry as Partial<PerformanceResourceTiming> | undefined)?.responseStatus ?? 0;
}

function refusal(status: number, problem: string, url: URL): ViewFailure {
  const [code, message] = refusalWords(status, problem);
  return new ViewFailure("load", code, message, `${url.href}\nstatus ${status}, code ${problem}`);
}

function refusalWords(status: number, problem: string): [ViewFailureCode, string] {
  if (problem === "plugin_disabled" || problem === "plugin_missing") {
    return ["disabled", "The plugin is not enabled any more."];
  }
  if (problem.startsWith("plugin_")) return ["not-running", "The plugin is not running at the moment."];
  if (status === 401) return ["unauthenticated", "Your session has ended. Sign in again."];
  if (status === 403) return ["forbidden", "You are not allowed to use this plugin."];
  if (status === 404 || status === 410) return ["not-found", "The server has no script for this plugin."];
  return ["server-error", `The server answered with status ${status} instead of the plugin’s script.`];
}
