import { useCallback, useEffect, useLayoutEffect, useRef, useState } from "react";
import { useQueryClient } from "@tanstack/react-query";
import { useLocation, useNavigate } from "react-router";
import { usePluginView } from "../hooks/use-plugin-view";
import { useIsAdmin } from "../hooks/use-session";
import { insideOf } from "../lib/paths";
import type { PluginEntry } from "../lib/paths";
import type { Plugin } from "../lib/plugin";
import { pluginName } from "../lib/plugin";
import type { Bundle } from "../lib/plugin-bundle";
import { createToruApi } from "../lib/plugin-host";
import type { ViewState } from "../lib/plugin-view";
import { keys } from "../lib/query";
import { Source } from "../lib/source";
import { theme } from "../lib/theme";
import { showToast } from "../lib/toast";
import { Skeleton } from "./Skeleton";
import { ViewFailureCard } from "./ViewFailureCard";

export interface PluginOutletProps {
  plugin: Plugin;
  bundle: Bundle;
  /** The address of the plugin's page, without a slash at the end. */
  root: string;
  /** Starts over, with a new outlet. */
  onRetry: () => void;
}

/** A mounted plugin, or why there is none. Below its `section`, what is on the page is the plugin's. */
export function PluginOutlet({ plugin, bundle, root, onRetry }: PluginOutletProps) {
  const outlet = useRef<HTMLDivElement>(null);
  const client = useQueryClient();
  const isAdmin = useIsAdmin();
  const checkSession = useCallback(() => void client.invalidateQueries({ queryKey: keys.session }), [client]);
  const createApi = useToruApi(plugin, root, checkSession);
  const { id } = bundle;
  const warn = useCallback((message: string, thrown?: unknown) => console.warn(`plugin ${id}: ${message}`, thrown), [id]);
  const state = usePluginView(outlet, bundle, createApi, warn);

  useEffect(() => {
    if (state.step === "failed" && state.failure.code === "unauthenticated") checkSession();
  }, [state, checkSession]);

  return (
    <section aria-label={pluginName(plugin)} aria-busy={state.step === "loading" || state.step === "mounting"}>
      <Waiting state={state} name={pluginName(plugin)} />
      <div ref={outlet} hidden={state.step === "failed"} />
      {state.step === "failed" && (
        <ViewFailureCard
          plugin={plugin}
          failure={state.failure}
          mayDisable={isAdmin}
          onRetry={onRetry}
        />
      )}
    </section>
  );
}

function Waiting({ state, name }: { state: ViewState; name: string }) {
  const isWaiting = state.step === "loading" || state.step === "mounting";
  return (
    <>
      <p role="status" className="text-muted">
        {isWaiting && state.isSlow && `${name} is taking longer than usual…`}
      </p>
      {state.step === "loading" && (
        <div className="appear-late space-y-4">
          <Skeleton className="h-6 w-1/3" />
          <Skeleton className="h-28 w-full max-w-xl" />
        </div>
      )}
    </>
  );
}

/** What makes the object for each mount. The same function for as long as the plugin and its address are the same. */
function useToruApi(plugin: Plugin, root: string, onUnauthenticated: () => void) {
  const location = insideOf(root, useLocation());
  const [inside] = useState(() => new Source(location));
  useEffect(() => inside.set(location), [inside, location]);

  // The router's function changes with every address; the plugin is to stay mounted.
  const latest = useNavigate();
  const navigate = useRef(latest);
  useLayoutEffect(() => {
    navigate.current = latest;
  }, [latest]);

  const { id } = plugin;
  const name = pluginName(plugin);
  const version = plugin.metadata?.version ?? "";
  return useCallback(
    (signal: AbortSignal) =>
      createToruApi(
        {
          plugin: { id, name, version },
          root,
          theme,
          location: inside,
          navigate: (to, options) => void navigate.current(to, { ...options, state: { plugin: id } satisfies PluginEntry }),
          showToast,
          onUnauthenticated,
          onWarning: (message, thrown) => console.warn(`plugin ${id}: ${message}`, thrown),
        },
        signal,
      ),
    [id, name, version, root, inside, onUnauthenticated],
  );
}
