/** Plugins as the server tells of them, for tests. */

import { decodePlugin } from "../lib/plugin";
import type { Plugin, PluginList } from "../lib/plugin";

export function document(id: string, more: Record<string, unknown> = {}): Record<string, unknown> {
  return {
    id,
    metadata: { id, name: `Plugin ${id}`, version: "1.0.0", route: `/${id}`, icon: "👋", abi: [1, 0], requires: [], uses: [] },
    file: `lib${id}.so`,
    sha256: null,
    status: { desired: "disabled", state: "disabled", error: null, generation: 0, since: 1 },
    routes: [],
    bundle_url: null,
    bundle_sha256: null,
    warnings: [],
    update: null,
    retired_generations: 0,
    counters: {},
    ...more,
  };
}

/** A document of a plugin that runs and has a page. */
export function runningDocument(id: string, more: Record<string, unknown> = {}): Record<string, unknown> {
  return document(id, {
    status: { desired: "enabled", state: "enabled", error: null, generation: 1, since: 2 },
    bundle_url: `/api/plugins/${id}/bundle.js?v=1`,
    ...more,
  });
}

/** A document of a plugin that has something against its licence key. */
export function refusingDocument(id: string, code = "license_missing", message = "there is no licence key"): Record<string, unknown> {
  const error = { code, message, stage: "init" };
  return document(id, { status: { desired: "enabled", state: "failed", error, generation: 0, since: 3 } });
}

/** What the server tells of a licence. */
export function licenseDocument(more: Record<string, unknown> = {}): Record<string, unknown> {
  return { key: null, asked_for: true, instance_id: "0f0e0d0c-0b0a-4908-8706-050403020100", variable: "TORU_LICENSE_A", ...more };
}

export function plugin(id: string, more: Record<string, unknown> = {}): Plugin {
  return decoded(document(id, more));
}

export function running(id: string, more: Record<string, unknown> = {}): Plugin {
  return decoded(runningDocument(id, more));
}

export function list(...plugins: Plugin[]): PluginList {
  return { plugins, rejected: [], read_only: false, notices: [] };
}

function decoded(value: unknown): Plugin {
  const result = decodePlugin(value);
  if (!result) throw new Error("not a plugin");
  return result;
}
