/**
 * One visit to a plugin's page: `loading → mounting → mounted → unmounting → idle`, or `failed`.
 *
 * Every visit is an object of its own, and knows whether it is over: what arrives late for one that is has no effect. Visits to
 * the same plugin follow each other, so that a plugin with state of its own is never mounted twice; those to different plugins
 * do not wait for each other.
 */

import type { ToruApi, ToruPlugin } from "toru-plugin-ui";
import { loadBundle } from "./plugin-bundle";
import type { Bundle } from "./plugin-bundle";
import { ViewFailure, thrownWords } from "./view-failure";

export const SLOW_HINT_MS = 1000;
export const MOUNT_LIMIT_MS = 10_000;
export const UNMOUNT_LIMIT_MS = 3000;

export type ViewState =
  | { step: "idle" }
  | { step: "loading" | "mounting"; isSlow: boolean }
  | { step: "mounted" }
  | { step: "unmounting" }
  | { step: "failed"; failure: ViewFailure };

export interface ViewOptions {
  bundle: Bundle;
  /** Where the plugin's container goes. Nothing else may touch the children of this element. */
  outlet: HTMLElement;
  createApi(signal: AbortSignal): ToruApi;
  /** Not called any more after `leave`, except with `unmounting` and `idle`. */
  onState(state: ViewState): void;
  /** Something that does not concern the user went wrong in the plugin. */
  onWarning(message: string, thrown?: unknown): void;
}

export interface Visit {
  /** Ends the visit. Resolves when the plugin is unmounted, or was given up. */
  leave(): Promise<void>;
}

/** The end of the latest visit to each plugin that is not quite over. */
const departures = new Map<string, Promise<void>>();

export function openView(options: ViewOptions): Visit {
  const visit = new PluginVisit(options);
  void visit.run();
  return visit;
}

class PluginVisit implements Visit {
  readonly #options: ViewOptions;
  readonly #abort = new AbortController();
  #isLeft = false;
  #container: HTMLElement | null = null;
  /** What there is to unmount. */
  #plugin: ToruPlugin | null = null;
  /** Settles when `mount` has, or its limit has passed. */
  #mounting: Promise<MountOutcome> | null = null;
  #isMounted = false;
  #hint: ReturnType<typeof setTimeout> | undefined;

  constructor(options: ViewOptions) {
    this.#options = options;
  }

  async run(): Promise<void> {
    const { bundle } = this.#options;
    this.#tellWaiting("loading");
    let plugin: ToruPlugin;
    try {
      // The script loads while an earlier visit ends.
      const load = loadBundle(bundle);
      load.catch(() => {});
      await departures.get(bundle.id);
      plugin = await load;
    } catch (error) {
      if (!this.#isLeft) this.#fail(asFailure(error));
      return;
    }
    if (this.#isLeft) return;
    await this.#mount(plugin);
  }

  leave(): Promise<void> {
    if (this.#isLeft) return Promise.resolve();
    this.#isLeft = true;
    clearTimeout(this.#hint);
    if (!this.#plugin) {
      // Nothing was mounted, or it has failed and is cleared away.
      this.#abort.abort();
      this.#options.onState({ step: "idle" });
      return Promise.resolve();
    }
    this.#options.onState({ step: "unmounting" });
    // Synchronously where it is possible: then the container is still part of the page.
    const end = this.#isMounted ? this.#unmount() : this.#unmountAfterMount();
    return this.#depart(end.then(() => this.#options.onState({ step: "idle" })));
  }

  async #mount(plugin: ToruPlugin): Promise<void> {
    const { bundle, outlet } = this.#options;
    this.#tellWaiting("mounting");
    const container = document.createElement("div");
    container.dataset["toruPlugin"] = bundle.id;
    outlet.replaceChildren(container);
    this.#container = container;
    this.#plugin = plugin;
    const api = this.#options.createApi(this.#abort.signal);
    const mounting = settle(() => plugin.mount(container, api), MOUNT_LIMIT_MS);
    this.#mounting = mounting;
    const outcome = await mounting;
    // Whoever has left meanwhile takes care of the rest.
    if (this.#isLeft) return;
    if (outcome.kind === "done") {
      this.#isMounted = true;
      clearTimeout(this.#hint);
      this.#options.onState({ step: "mounted" });
    } else if (outcome.kind === "thrown") {
      this.#clear();
      const { message, details } = thrownWords(outcome.thrown);
      this.#fail(new ViewFailure("mount", "mount-failed", `The plugin could not show its page: ${message}`, details));
    } else {
      // The plugin may still hold timers and listeners; unmounting is its chance to let go of them.
      void this.#depart(this.#unmount());
      const seconds = MOUNT_LIMIT_MS / 1000;
      const message = `The plugin did not show its page within ${seconds} seconds.`;
      this.#fail(new ViewFailure("mount", "mount-timeout", message, "The promise that mount() returned has not settled."));
    }
  }

  async #unmountAfterMount(): Promise<void> {
    const outcome = await this.#mounting;
    if (outcome?.kind === "thrown") {
      this.#options.onWarning("mount() failed after its page was left", outcome.thrown);
      this.#clear();
      return;
    }
    await this.#unmount();
  }

  async #unmount(): Promise<void> {
    const { onWarning } = this.#options;
    const plugin = this.#plugin;
    const container = this.#container;
    this.#plugin = null;
    this.#isMounted = false;
    this.#abort.abort();
    if (!plugin || !container) return;
    const outcome = await settle(() => plugin.unmount(container), UNMOUNT_LIMIT_MS);
    if (outcome.kind === "thrown") onWarning("unmount() failed", outcome.thrown);
    if (outcome.kind === "timeout") onWarning(`unmount() did not end within ${UNMOUNT_LIMIT_MS / 1000} seconds`);
    container.remove();
  }

  /** Makes the next visit to this plugin wait for the end of this one. */
  #depart(end: Promise<void>): Promise<void> {
    const { id } = this.#options.bundle;
    const before = departures.get(id);
    const departure = Promise.all([before, end]).then(() => {
      if (departures.get(id) === departure) departures.delete(id);
    });
    departures.set(id, departure);
    return departure;
  }

  #clear(): void {
    this.#abort.abort();
    this.#container?.remove();
    this.#container = null;
    this.#plugin = null;
  }

  #fail(failure: ViewFailure): void {
    clearTimeout(this.#hint);
    this.#options.onState({ step: "failed", failure });
  }

  #tellWaiting(step: "loading" | "mounting"): void {
    clearTimeout(this.#hint);
    this.#options.onState({ step, isSlow: false });
    this.#hint = setTimeout(() => this.#options.onState({ step, isSlow: true }), SLOW_HINT_MS);
  }
}

type MountOutcome = { kind: "done" } | { kind: "thrown"; thrown: unknown } | { kind: "timeout" };

/** How a function of a plugin ended, within a limit. Calls it before anything is waited for. */
function settle(call: () => void | Promise<void>, limit: number): Promise<MountOutcome> {
  let result: void | Promise<void>;
  try {
    result = call();
  } catch (thrown) {
    return Promise.resolve({ kind: "thrown", thrown });
  }
  return new Promise((resolve) => {
    const timer = setTimeout(() => resolve({ kind: "timeout" }), limit);
    const end = (outcome: MountOutcome) => {
      clearTimeout(timer);
      resolve(outcome);
    };
    Promise.resolve(result).then(
      () => end({ kind: "done" }),
      (thrown: unknown) => end({ kind: "thrown", thrown }),
    );
  });
}

function asFailure(error: unknown): ViewFailure {
  if (error instanceof ViewFailure) return error;
  const { message, details } = thrownWords(error);
  return new ViewFailure("load", "unexpected", message, details);
}
