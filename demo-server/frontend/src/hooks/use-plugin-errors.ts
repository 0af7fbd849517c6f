import { useEffect } from "react";
import { useQueryClient } from "@tanstack/react-query";
import type { PluginList } from "../lib/plugin";
import { pluginName } from "../lib/plugin";
import { watchPluginErrors } from "../lib/plugin-errors";
import { keys } from "../lib/query";
import { showToast } from "../lib/toast";

/** A plugin that fails over and over is named once in this time. */
const QUIET_MS = 60_000;

/** Tells the user, quietly, when a plugin fails after it was mounted. The browser's console has the rest. */
export function usePluginErrors(): void {
  const client = useQueryClient();
  useEffect(() => {
    const told = new Map<string, number>();
    return watchPluginErrors((id) => {
      const last = told.get(id);
      if (last !== undefined && Date.now() - last < QUIET_MS) return;
      told.set(id, Date.now());
      const plugin = client.getQueryData<PluginList>(keys.plugins)?.plugins.find((one) => one.id === id);
      const name = plugin ? pluginName(plugin) : id;
      showToast(`${name} reported an error. Parts of its page may not work.`, "warning");
    });
  }, [client]);
}
