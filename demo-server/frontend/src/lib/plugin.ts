/** What the server tells about plugins, checked where it enters: what is missing or of another kind gets a harmless value. */

export type PluginState =
  | "disabled"
  | "enabled"
  | "failed"
  | "missing"
  | "quarantined"
  | "starting"
  | "stopping"
  | "unknown";

export interface PluginMetadata {
  id: string;
  name: string;
  version: string;
  author: string | null;
  icon: string | null;
  route: string | null;
  description: string | null;
  abi: [major: number, minor: number] | null;
  requires: string[];
  uses: string[];
  panic: string | null;
  compiler: string | null;
  target: string | null;
  sdk: string | null;
  license: string | null;
}

export interface PluginFault {
  code: string;
  message: string;
  stage: string;
}

export interface PluginStatus {
  desired: "enabled" | "disabled";
  state: PluginState;
  error: PluginFault | null;
  generation: number;
  /** Milliseconds since 1970. */
  since: number;
}

export const COUNTER_NAMES = [
  "starts",
  "calls",
  "in_flight",
  "panicked",
  "failed",
  "invalid_responses",
  "cancelled",
  "stopped",
  "broken_bodies",
  "timed_out",
  "rejected",
  "time_ns",
  "bytes_in",
  "bytes_out",
] as const;

export type PluginCounters = Record<(typeof COUNTER_NAMES)[number], number>;

export interface HistoryEntry {
  state: PluginState;
  /** Milliseconds since 1970. */
  since: number;
  generation: number;
  code: string | null;
}

export interface Plugin {
  id: string;
  metadata: PluginMetadata | null;
  file: string | null;
  sha256: string | null;
  status: PluginStatus;
  routes: { methods: string[]; pattern: string }[];
  bundle_url: string | null;
  bundle_sha256: string | null;
  warnings: string[];
  update: { version: string; sha256: string } | null;
  retired_generations: number;
  counters: PluginCounters;
}

export interface RejectedFile {
  file: string | null;
  code: string;
  message: string;
}

export interface Notice {
  code: string;
  message: string;
}

export interface PluginList {
  plugins: Plugin[];
  rejected: RejectedFile[];
  read_only: boolean;
  notices: Notice[];
}

/** The name for people; the id stands in when the file, and with it the name, is gone. */
export function pluginName(plugin: Plugin): string {
  return plugin.metadata?.name ?? plugin.id;
}

/** In the order in which people look for names. */
export function byName(a: Plugin, b: Plugin): number {
  return pluginName(a).localeCompare(pluginName(b), "en", { sensitivity: "base", numeric: true }) || (a.id < b.id ? -1 : 1);
}

export function isRunning(plugin: Plugin): boolean {
  return plugin.status.state === "enabled";
}

export function decodeList(value: unknown): PluginList {
  const list = record(value);
  return {
    plugins: decodePlugins(list["plugins"]),
    rejected: array(list["rejected"]).map((entry) => {
      const file = record(entry);
      return { file: textOrNull(file["file"]), code: text(file["code"]), message: text(file["message"]) };
    }),
    read_only: list["read_only"] === true,
    notices: array(list["notices"]).map((entry) => {
      const notice = record(entry);
      return { code: text(notice["code"]), message: text(notice["message"]) };
    }),
  };
}

/** All plugins that can be told apart; one without an id cannot be shown or switched. */
export function decodePlugins(value: unknown): Plugin[] {
  return array(value).flatMap((entry) => decodePlugin(entry) ?? []);
}

export function decodePlugin(value: unknown): Plugin | null {
  const plugin = record(value);
  const id = textOrNull(plugin["id"]);
  if (id === null) return null;
  const update = plugin["update"] ? record(plugin["update"]) : null;
  return {
    id,
    metadata: plugin["metadata"] ? decodeMetadata(record(plugin["metadata"]), id) : null,
    file: textOrNull(plugin["file"]),
    sha256: textOrNull(plugin["sha256"]),
    status: decodeStatus(record(plugin["status"])),
    routes: array(plugin["routes"]).map((entry) => {
      const route = record(entry);
      return { methods: texts(route["methods"]), pattern: text(route["pattern"]) };
    }),
    bundle_url: textOrNull(plugin["bundle_url"]),
    bundle_sha256: textOrNull(plugin["bundle_sha256"]),
    warnings: texts(plugin["warnings"]),
    update: update && { version: text(update["version"]), sha256: text(update["sha256"]) },
    retired_generations: number(plugin["retired_generations"]),
    counters: decodeCounters(record(plugin["counters"])),
  };
}

function decodeMetadata(metadata: Record<string, unknown>, id: string): PluginMetadata {
  const abi = array(metadata["abi"]);
  return {
    id,
    name: text(metadata["name"]) || id,
    version: text(metadata["version"]),
    author: textOrNull(metadata["author"]),
    icon: textOrNull(metadata["icon"]),
    route: textOrNull(metadata["route"]),
    description: textOrNull(metadata["description"]),
    abi: abi.length === 2 ? [number(abi[0]), number(abi[1])] : null,
    requires: texts(metadata["requires"]),
    uses: texts(metadata["uses"]),
    panic: textOrNull(metadata["panic"]),
    compiler: textOrNull(metadata["compiler"]),
    target: textOrNull(metadata["target"]),
    sdk: textOrNull(metadata["sdk"]),
    license: textOrNull(metadata["license"]),
  };
}

function decodeStatus(status: Record<string, unknown>): PluginStatus {
  const error = status["error"] ? record(status["error"]) : null;
  return {
    desired: status["desired"] === "enabled" ? "enabled" : "disabled",
    state: decodeState(status["state"]),
    error: error && { code: text(error["code"]), message: text(error["message"]), stage: text(error["stage"]) },
    generation: number(status["generation"]),
    since: number(status["since"]),
  };
}

function decodeCounters(counters: Record<string, unknown>): PluginCounters {
  const entries = COUNTER_NAMES.map((name) => [name, number(counters[name])]);
  return Object.fromEntries(entries) as PluginCounters;
}

/** The states that a plugin went through, oldest first, as its details tell them. */
export function decodeHistory(details: unknown): HistoryEntry[] {
  return array(record(details)["history"]).map(decodeHistoryEntry);
}

function decodeHistoryEntry(value: unknown): HistoryEntry {
  const entry = record(value);
  return {
    state: decodeState(entry["state"]),
    since: number(entry["since"]),
    generation: number(entry["generation"]),
    code: textOrNull(entry["code"]),
  };
}

const STATES: readonly string[] = [
  "disabled",
  "enabled",
  "failed",
  "missing",
  "quarantined",
  "starting",
  "stopping",
] satisfies PluginState[];

function decodeState(value: unknown): PluginState {
  return typeof value === "string" && STATES.includes(value) ? (value as PluginState) : "unknown";
}

export function record(value: unknown): Record<string, unknown> {
  return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
}

export function textOrNull(value: unknown): string | null {
  return typeof value === "string" && value !== "" ? value : null;
}

function array(value: unknown): unknown[] {
  return Array.isArray(value) ? value : [];
}

function text(value: unknown): string {
  return typeof value === "string" ? value : "";
}

function texts(value: unknown): string[] {
  return array(value).filter((entry) => typeof entry === "string");
}

export function number(value: unknown): number {
  return typeof value === "number" && Number.isFinite(value) ? value : 0;
}
