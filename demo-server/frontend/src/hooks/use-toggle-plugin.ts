import { useMutation, useQueryClient } from "@tanstack/react-query";
import { api } from "../lib/api";
import { announce } from "../lib/announce";
import type { Plugin, PluginList } from "../lib/plugin";
import { pluginName } from "../lib/plugin";
import { replacePlugin } from "../lib/plugin-events";
import { keys } from "../lib/query";
import { sentence } from "../lib/status";
import { showToast } from "../lib/toast";

/** Turns a plugin on or off: shown at once, taken back when the server could not do it. */
export function useTogglePlugin(plugin: Plugin) {
  const client = useQueryClient();
  const { id } = plugin;
  const name = pluginName(plugin);
  const put = (value: Plugin) => {
    client.setQueryData<PluginList>(keys.plugins, (list) => list && replacePlugin(list, value));
  };
  return useMutation({
    mutationFn: (enable: boolean) => (enable ? api.enable(id) : api.disable(id)),
    onMutate: async (enable) => {
      // An answer that is on its way would bring back the old state.
      await client.cancelQueries({ queryKey: keys.plugins });
      const list = client.getQueryData<PluginList>(keys.plugins);
      const before = list?.plugins.find((other) => other.id === id);
      if (before) put(asked(before, enable));
      return { before };
    },
    onSuccess: (after, enable) => {
      put(after);
      announce(`${name} is ${enable ? "enabled" : "disabled"}.`);
    },
    onError: (error, enable, context) => {
      if (context?.before) put(context.before);
      // The state of a plugin that did not start tells why. It is not waited for: nothing is being switched any more.
      void client.invalidateQueries({ queryKey: keys.plugins });
      showToast(`${name} could not be ${enable ? "enabled" : "disabled"}. ${sentence(error.message)}`, "error");
    },
  });
}

function asked(plugin: Plugin, enable: boolean): Plugin {
  const desired = enable ? "enabled" : "disabled";
  const state = enable ? "starting" : "stopping";
  return { ...plugin, status: { ...plugin.status, desired, state, error: null } };
}
