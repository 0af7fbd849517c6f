/** The object that a mounted plugin gets. */

import type { ToruApi, ToruNavigateOptions, ToruTheme, ToruToastKind } from "toru-plugin-ui";
import { resolveFetch, resolveNavigation } from "./paths";
import type { Source } from "./source";

export interface PluginHost {
  plugin: { id: string; name: string; version: string };
  /** The address of the plugin's page, without a slash at the end. */
  root: string;
  theme: Source<ToruTheme>;
  /** Where the user is inside of the plugin. */
  location: Source<string>;
  navigate(to: string, options: ToruNavigateOptions): void;
  showToast(message: string, kind: ToruToastKind): void;
  /** The server has answered the plugin that nobody is signed in. */
  onUnauthenticated(): void;
  onWarning(message: string, thrown: unknown): void;
}

const TOAST_KINDS: readonly string[] = ["success", "error", "info", "warning"] satisfies ToruToastKind[];
/** Toasts are short; what is longer is cut, so that one plugin cannot cover the page. */
const LONGEST_TOAST = 500;

export function createToruApi(host: PluginHost, signal: AbortSignal): ToruApi {
  const { id, name, version } = host.plugin;

  function follow<T>(source: Source<T>, callback: (value: T) => void): () => void {
    if (signal.aborted) return () => {};
    const end = source.follow((value) => {
      try {
        callback(value);
      } catch (thrown) {
        host.onWarning("a callback of the plugin failed", thrown);
      }
    });
    signal.addEventListener("abort", end, { once: true });
    return () => {
      signal.removeEventListener("abort", end);
      end();
    };
  }

  return Object.freeze<ToruApi>({
    version: 1,
    plugin: Object.freeze({ id, name, version }),
    async fetch(path: string, init: RequestInit = {}) {
      const url = resolveFetch(id, String(path));
      const signals = init.signal ? AbortSignal.any([signal, init.signal]) : signal;
      const response = await fetch(url, { ...init, credentials: "same-origin", signal: signals });
      if (response.status === 401) host.onUnauthenticated();
      return response;
    },
    navigate(to: string, options: ToruNavigateOptions = {}) {
      const address = resolveNavigation(host.root, String(to));
      if (!signal.aborted) host.navigate(address, { replace: options.replace === true });
    },
    showToast(message: string, kind: ToruToastKind = "info") {
      if (signal.aborted) return;
      const text = String(message);
      const short = text.length > LONGEST_TOAST ? `${text.slice(0, LONGEST_TOAST)}…` : text;
      host.showToast(short, TOAST_KINDS.includes(kind) ? kind : "info");
    },
    signal,
    get theme() {
      return host.theme.value;
    },
    onThemeChange: (callback) => follow(host.theme, callback),
    get location() {
      return host.location.value;
    },
    onLocationChange: (callback) => follow(host.location, callback),
  });
}
