import { useLayoutEffect, useState } from "react";
import type { RefObject } from "react";
import type { ToruApi } from "toru-plugin-ui";
import type { Bundle } from "../lib/plugin-bundle";
import { openView } from "../lib/plugin-view";
import type { ViewState } from "../lib/plugin-view";

/**
 * Shows a plugin in `outlet` for as long as the component lives.
 *
 * A layout effect, since those end before their elements leave the page: a plugin's container is still part of it when it is
 * unmounted. `createApi` and `onWarning` must not change.
 */
export function usePluginView(
  outlet: RefObject<HTMLElement | null>,
  { id, url, sha256 }: Bundle,
  createApi: (signal: AbortSignal) => ToruApi,
  onWarning: (message: string, thrown?: unknown) => void,
): ViewState {
  const [state, setState] = useState<ViewState>({ step: "loading", isSlow: false });
  useLayoutEffect(() => {
    if (!outlet.current) return undefined;
    let isOver = false;
    const visit = openView({
      bundle: { id, url, sha256 },
      outlet: outlet.current,
      createApi,
      onState: (next) => {
        if (!isOver) setState(next);
      },
      onWarning,
    });
    return () => {
      isOver = true;
      void visit.leave();
    };
  }, [outlet, id, url, sha256, createApi, onWarning]);
  return state;
}
