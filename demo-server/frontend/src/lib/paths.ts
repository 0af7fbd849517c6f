/** Every address that the interface knows, and the rules by which plugins get theirs. */

import type { Plugin } from "./plugin";
import { isRunning } from "./plugin";

/** The part of a plugin's details where its licence key is entered. */
export const LICENSE_PART = "#licence-key";

export const paths = {
  login: "/login",
  plugins: "/plugins",
  plugin: (id: string) => `/plugins/${encodeURIComponent(id)}`,
  license: (id: string) => `/plugins/${encodeURIComponent(id)}${LICENSE_PART}`,
};

export const apiPaths = {
  session: "/api/session",
  plugins: "/api/plugins",
  events: "/api/plugin-events",
  scan: "/api/plugins/-/scan",
  enable: (id: string) => `${pluginApi(id)}/enable`,
  disable: (id: string) => `${pluginApi(id)}/disable`,
  plugin: (id: string) => pluginApi(id),
  storage: (id: string) => `${pluginApi(id)}/-/storage`,
  license: (id: string) => `${pluginApi(id)}/-/license`,
};

/** Where the pages of plugins live. */
const PLUGIN_ROOT = "/p";

/** Below which a plugin's own routes lie, without a slash at the end. */
export function pluginApi(id: string): string {
  return `/api/plugins/${encodeURIComponent(id)}`;
}

/**
 * Where the page of a plugin lives, without a slash at the end; null when it has none: one that runs without a script has
 * nothing to show, whatever route it claims.
 *
 * Routes are not unique: the first plugin by id gets the address, others (and those with a page but no route) get one by
 * their id. `~` keeps such addresses apart from routes, which never contain it.
 */
export function pluginPage(plugin: Plugin, all: readonly Plugin[]): string | null {
  if (isRunning(plugin) && !plugin.bundle_url) return null;
  const route = plugin.metadata?.route;
  if (route && routeOwner(route, all)?.id === plugin.id) return PLUGIN_ROOT + route;
  if (!plugin.bundle_url) return null;
  return `${PLUGIN_ROOT}/~${encodeURIComponent(plugin.id)}`;
}

/** The other running plugins that claim the same route. */
export function routeRivals(plugin: Plugin, all: readonly Plugin[]): Plugin[] {
  const route = plugin.metadata?.route;
  if (!route) return [];
  return all.filter((other) => other.id !== plugin.id && isRunning(other) && other.metadata?.route === route);
}

export interface PluginAddress {
  plugin: Plugin;
  /** The address of the plugin's page, without a slash at the end. */
  root: string;
}

/** What an entry of the history remembers, since addresses may change hands while plugins come and go. */
export interface PluginEntry {
  plugin: string;
}

/**
 * The plugin that a page address belongs to: the one that was `meant` if it has that address too, or else the owner of the
 * longest route, so that `/a/b` may belong to another plugin than `/a`.
 */
export function pluginAt(pathname: string, all: readonly Plugin[], meant: string | null = null): PluginAddress | null {
  const path = pathname.slice(PLUGIN_ROOT.length);
  const chosen = all.find((one) => one.id === meant);
  if (chosen?.metadata?.route && isBelow(path, chosen.metadata.route)) {
    return { plugin: chosen, root: PLUGIN_ROOT + chosen.metadata.route };
  }
  const byId = /^\/~([^/]+)/.exec(path)?.[1];
  if (byId !== undefined) {
    const plugin = all.find((one) => encodeURIComponent(one.id) === byId);
    return plugin ? { plugin, root: `${PLUGIN_ROOT}/~${byId}` } : null;
  }
  const owners = all
    .filter((plugin) => plugin.metadata?.route && isBelow(path, plugin.metadata.route))
    .toSorted((a, b) => (b.metadata?.route ?? "").length - (a.metadata?.route ?? "").length);
  const route = owners[0]?.metadata?.route;
  const plugin = route ? routeOwner(route, all) : undefined;
  return plugin && route ? { plugin, root: PLUGIN_ROOT + route } : null;
}

/** The part of an address after the plugin's root: `/` at the root itself. */
export function insideOf(root: string, location: { pathname: string; search: string; hash: string }): string {
  const rest = location.pathname.slice(root.length);
  return (rest.startsWith("/") ? rest : `/${rest}`) + location.search + location.hash;
}

/** The address for `to` as plugins write it: inside of the plugin, or of the host with `host:` in front. */
export function resolveNavigation(root: string, to: string): string {
  if (to.startsWith("host:")) {
    const path = to.slice("host:".length);
    const url = new URL(path, BASE);
    // What `..` and `.` leave behind may begin with two slashes, and is another host's address then.
    if (!path.startsWith("/") || url.origin !== BASE || url.pathname.startsWith("//")) {
      throw new TypeError(`"${to}" is not a page of the host`);
    }
    return url.pathname + url.search + url.hash;
  }
  const url = resolveBelow(root, to);
  if (!url) throw new TypeError(`"${to}" leads out of the plugin; write "host:/…" for pages of the host`);
  return url.pathname.replace(/\/$/, "") + url.search + url.hash;
}

/** The URL for `path` as plugins write it for `fetch`. */
export function resolveFetch(id: string, path: string): string {
  const url = resolveBelow(pluginApi(id), path);
  if (!url) throw new TypeError(`"${path}" is not a path below the plugin's own routes`);
  if (/%(2f|5c)/i.test(url.pathname)) throw new TypeError(`"${path}" has an encoded slash or backslash, which no route may have`);
  const first = decoded(url.pathname.slice(pluginApi(id).length + 1).split("/")[0] ?? "");
  if (first === null || HOSTS_OWN.has(first)) throw new TypeError(`"${path}" is the host's own and no route of the plugin`);
  return url.pathname + url.search;
}

/** What the host answers below a plugin's address: a page has no business there, whoever looks at it. */
const HOSTS_OWN: ReadonlySet<string> = new Set(["enable", "disable", "bundle.js", "-"]);

function decoded(segment: string): string | null {
  try {
    return decodeURIComponent(segment);
  } catch {
    return null;
  }
}

/** Stands for the page's own origin while addresses are resolved; nothing is ever sent there. */
const BASE = "http://toru.invalid";

function resolveBelow(root: string, path: string): URL | null {
  // Browsers take a backslash for a slash, and drop tabs and line ends.
  if (/^[a-z][a-z0-9+.-]*:/i.test(path) || path.startsWith("//") || /[\\\t\r\n]/.test(path)) return null;
  const prefix = `${root}/`;
  const relative = path.startsWith("/") ? path.slice(1) : path;
  let url: URL;
  try {
    url = new URL(`${prefix}${relative}`, BASE);
  } catch {
    return null;
  }
  return url.origin === BASE && url.pathname.startsWith(prefix) ? url : null;
}

function isBelow(path: string, route: string): boolean {
  return path === route || path.startsWith(`${route}/`);
}

/** Who gets a route: the first running plugin by id that claims it, or else the first one that would. */
function routeOwner(route: string, all: readonly Plugin[]): Plugin | undefined {
  const claims = all
    .filter((plugin) => plugin.metadata?.route === route)
    .toSorted((a, b) => (a.id < b.id ? -1 : 1));
  return claims.find(isRunning) ?? claims[0];
}
