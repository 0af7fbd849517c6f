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
