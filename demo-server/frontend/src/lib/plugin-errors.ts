/** Errors that plugins throw after they were mounted: in handlers, timers and promises, where nobody else catches them. */

import { isLoading } from "./plugin-bundle";
import { thrownWords } from "./view-failure";

/** Tells the plugin, by the address of its script, and what was thrown. Returns what ends it. */
export function watchPluginErrors(onError: (id: string, message: string) => void): () => void {
  const end = new AbortController();
  window.addEventListener(
    "error",
    (event) => {
      const id = pluginIn(event.filename) ?? pluginIn(stackOf(event.error));
      if (id !== null) onError(id, event.message);
    },
    { signal: end.signal },
  );
  window.addEventListener(
    "unhandledrejection",
    (event) => {
      const id = pluginIn(stackOf(event.reason));
      if (id !== null) onError(id, thrownWords(event.reason).message);
    },
    { signal: end.signal },
  );
  return () => end.abort();
}

/** The plugin whose script a text names first. */
function pluginIn(text: string): string | null {
  const id = /\/api\/plugins\/([^/?\s]+)\/bundle\.js\b/.exec(text)?.[1];
  return id === undefined || isLoading(id) ? null : id;
}

function stackOf(thrown: unknown): string {
  return thrown instanceof Error ? (thrown.stack ?? "") : "";
}
