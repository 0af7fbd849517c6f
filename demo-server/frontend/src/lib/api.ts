/** The server's interface, one function for each thing that can be asked of it. */

import { decodeHistory, decodeList, decodePlugin, number, record, textOrNull } from "./plugin";
import type { HistoryEntry, Plugin, PluginList } from "./plugin";
import { decodeLicense } from "./license";
import type { PluginLicense } from "./license";
import { apiPaths } from "./paths";

export interface User {
  name: string;
  role: "admin" | "user";
}

export interface StorageUse {
  keys: number;
  bytes: number;
  max_keys: number | null;
  max_bytes: number | null;
}

/** Why the server did not do what it was asked (RFC 9457), or that it could not be asked (`unreachable`). */
export class ApiProblem extends Error {
  override readonly name = "ApiProblem";
  /** The HTTP status; 0 when there was no answer. */
  readonly status: number;
  /** Stable, for programs. */
  readonly code: string;
  /** Stands with the reason in the server's log. */
  readonly reference: string | null;
  /** Seconds after which trying again makes sense. */
  readonly retryAfter: number | null;

  constructor(status: number, code: string, message: string, more: Partial<Pick<ApiProblem, "reference" | "retryAfter">> = {}) {
    super(message);
    this.status = status;
    this.code = code;
    this.reference = more.reference ?? null;
    this.retryAfter = more.retryAfter ?? null;
  }
}

export const api = {
  /** Who is signed in; null when nobody is. */
  async session(signal?: AbortSignal): Promise<User | null> {
    try {
      return decodeUser(await request("GET", apiPaths.session, { signal }));
    } catch (error) {
      if (error instanceof ApiProblem && error.status === 401) return null;
      throw error;
    }
  },

  async signIn(username: string, password: string): Promise<User> {
    return decodeUser(await request("POST", apiPaths.session, { body: { username, password } }));
  },

  async signOut(): Promise<void> {
    await request("DELETE", apiPaths.session);
  },

  async plugins(signal?: AbortSignal): Promise<PluginList> {
    return decodeList(await request("GET", apiPaths.plugins, { signal }));
  },

  async enable(id: string): Promise<Plugin> {
    return onePlugin(await request("POST", apiPaths.enable(id)));
  },

  async disable(id: string): Promise<Plugin> {
    return onePlugin(await request("POST", apiPaths.disable(id)));
  },

  async scan(): Promise<PluginList> {
    return decodeList(await request("POST", apiPaths.scan));
  },

  /** The states that a plugin went through, oldest first. */
  async history(id: string, signal?: AbortSignal): Promise<HistoryEntry[]> {
    return decodeHistory(await request("GET", apiPaths.plugin(id), { signal }));
  },

  /** How much a plugin has stored; null when the server does not tell. */
  async storage(id: string, signal?: AbortSignal): Promise<StorageUse | null> {
    const answer = await unlessUntold(request("GET", apiPaths.storage(id), { signal }));
    if (answer === null) return null;
    const use = record(answer);
    return {
      keys: number(use["keys"]),
      bytes: number(use["bytes"]),
      max_keys: typeof use["max_keys"] === "number" ? use["max_keys"] : null,
      max_bytes: typeof use["max_bytes"] === "number" ? use["max_bytes"] : null,
    };
  },

  /** What may be seen of a plugin's licence key; null when the server does not tell. */
  async license(id: string, signal?: AbortSignal): Promise<PluginLicense | null> {
    const answer = await unlessUntold(request("GET", apiPaths.license(id), { signal }));
    return answer === null ? null : decodeLicense(answer);
  },

  /** The plugin afterwards, also when it does not accept the key. */
  async setLicense(id: string, key: string): Promise<Plugin> {
    return onePlugin(await request("PUT", apiPaths.license(id), { body: { key } }));
  },

  async removeLicense(id: string): Promise<Plugin> {
    return onePlugin(await request("DELETE", apiPaths.license(id)));
  },
};

/** Null for what the server does not know or does not tell this user. */
async function unlessUntold(answer: Promise<unknown>): Promise<unknown> {
  try {
    return await answer;
  } catch (error) {
    if (error instanceof ApiProblem && (error.status === 404 || error.status === 403)) return null;
    throw error;
  }
}

/** The problem that a response tells of. Anything may have answered, also a proxy that knows no problem documents. */
export async function problemOf(response: Response): Promise<ApiProblem> {
  let document: Record<string, unknown> = {};
  if (/\bjson\b/i.test(response.headers.get("content-type") ?? "")) {
    document = record(await response.json().catch(() => null));
  }
  const fallback = `The server answered with status ${response.status}.`;
  const detail = textOrNull(document["detail"]) ?? textOrNull(document["title"]) ?? fallback;
  return new ApiProblem(response.status, textOrNull(document["code"]) ?? "unknown", detail, {
    reference: textOrNull(document["reference"]),
    retryAfter: retryAfter(response.headers.get("retry-after")),
  });
}

/** `Retry-After` in seconds: the header holds seconds or a date. */
export function retryAfter(value: string | null, now = Date.now()): number | null {
  if (value === null) return null;
  if (/^\s*\d+\s*$/.test(value)) return Number(value);
  const date = Date.parse(value);
  return Number.isNaN(date) ? null : Math.max(0, Math.ceil((date - now) / 1000));
}

async function request(
  method: string,
  path: string,
  options: { body?: unknown; signal?: AbortSignal | undefined } = {},
): Promise<unknown> {
  const init: RequestInit = { method, credentials: "same-origin", headers: { accept: "application/json" } };
  if (options.signal) init.signal = options.signal;
  if (options.body !== undefined) {
    init.headers = { accept: "application/json", "content-type": "application/json" };
    init.body = JSON.stringify(options.body);
  }
  let response: Response;
  try {
    response = await fetch(path, init);
  } catch (error) {
    if (options.signal?.aborted) throw error;
    throw new ApiProblem(0, "unreachable", "The server cannot be reached.");
  }
  if (!response.ok) throw await problemOf(response);
  if (response.status === 204) return null;
  try {
    return await response.json();
  } catch {
    throw new ApiProblem(response.status, "unreadable", "The server answered with something that is not JSON.");
  }
}

function decodeUser(value: unknown): User {
  const user = record(record(value)["user"]);
  // Only the known word makes an administrator: what is not understood gets the fewest controls.
  return { name: textOrNull(user["name"]) ?? "", role: user["role"] === "admin" ? "admin" : "user" };
}

function onePlugin(value: unknown): Plugin {
  const plugin = decodePlugin(value);
  if (!plugin) throw new ApiProblem(200, "unreadable", "The server's answer does not tell of a plugin.");
  return plugin;
}
