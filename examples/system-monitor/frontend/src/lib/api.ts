import type { ToruApi } from "../toru";

/** Everything but numbers that are always known may be `null` where the operating system does not tell. */
export interface Overview {
  host_name: string | null;
  os: string | null;
  kernel: string | null;
  architecture: string;
  cpu: string | null;
  cores: number;
  physical_cores: number | null;
  memory_bytes: number;
  swap_bytes: number;
  uptime_s: number;
}

export interface Settings {
  interval_ms: number;
  min_interval_ms: number;
  max_interval_ms: number;
  default_interval_ms: number;
  show_process_names: boolean;
}

/** CPU in percent, the rest in bytes; network per second. */
export interface Sample {
  time_ms: number;
  interval_ms: number;
  cpu: { total: number; cores: number[] };
  load: [number, number, number] | null;
  memory: { total: number; used: number; swap_total: number; swap_used: number };
  network: { received: number; sent: number };
  disks: Disk[];
}

export interface Disk {
  mount: string;
  file_system: string;
  total: number;
  /** The rest is used, or kept for administrators. */
  available: number;
}

export type Sort = "cpu" | "memory";

export interface ProcessList {
  total: number;
  processes: Process[];
}

export interface Process {
  pid: number;
  name: string | null;
  /** In percent of one core. */
  cpu: number;
  memory_bytes: number;
}

export function loadOverview(api: ToruApi): Promise<Overview> {
  return ask(api, "/overview");
}

export function loadSettings(api: ToruApi): Promise<Settings> {
  return ask(api, "/settings");
}

export function changeInterval(api: ToruApi, interval_ms: number): Promise<Settings> {
  return ask(api, "/settings", {
    method: "PUT",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ interval_ms }),
  });
}

export function loadProcesses(api: ToruApi, sort: Sort, limit: number, signal: AbortSignal): Promise<ProcessList> {
  return ask(api, `/processes?sort=${sort}&limit=${limit}`, { signal });
}

/** The answer's type is the plugin's own: script and routes are of the same file. */
async function ask<T>(api: ToruApi, path: string, init?: RequestInit): Promise<T> {
  const response = await api.fetch(path, init);
  if (!response.ok) throw new Error(await problem(response));
  return response.json() as Promise<T>;
}

/** What the plugin says is wrong, else the status. */
export async function problem(response: Response): Promise<string> {
  const answer: unknown = await response.json().catch(() => null);
  if (typeof answer === "object" && answer !== null && "error" in answer && typeof answer.error === "string") {
    return answer.error;
  }
  return `the server answered with status ${response.status}`;
}

export function message(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
