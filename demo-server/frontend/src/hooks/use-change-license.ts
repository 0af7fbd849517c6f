import type { RefObject } from "react";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { api } from "../lib/api";
import { announce } from "../lib/announce";
import { hasLicenseFault } from "../lib/license";
import type { Plugin, PluginList } from "../lib/plugin";
import { pluginName } from "../lib/plugin";
import { replacePlugin } from "../lib/plugin-events";
import { keys } from "../lib/query";
import { sentence } from "../lib/status";

export type LicenseChange = "give" | "remove";

/**
 * Gives a plugin the licence key that stands in a field, or takes its key away.
 *
 * The key is read from the field when it is sent: variables of a change stay in the cache, where no key belongs. The field is
 * emptied as soon as the server has the key; one that was refused stays, to be mended.
 */
export function useChangeLicense(plugin: Plugin, field: RefObject<HTMLTextAreaElement | null>) {
  const client = useQueryClient();
  const { id } = plugin;
  return useMutation({
    mutationFn: (change: LicenseChange) => {
      // An answer that is on its way would bring back the old state.
      void client.cancelQueries({ queryKey: keys.plugins });
      return change === "give" ? api.setLicense(id, field.current?.value ?? "") : api.removeLicense(id);
    },
    onSuccess: (after, change) => {
      field.current?.form?.reset();
      client.setQueryData<PluginList>(keys.plugins, (list) => list && replacePlugin(list, after));
      announce(outcomeWords(after, change));
      // Waited for, so that what is shown next is true.
      return client.invalidateQueries({ queryKey: keys.license(id) });
    },
    onError: () => {
      // Somebody else may have changed either.
      void client.invalidateQueries({ queryKey: keys.plugins });
      void client.invalidateQueries({ queryKey: keys.license(id) });
    },
  });
}

function outcomeWords(after: Plugin, change: LicenseChange): string {
  const { state, error } = after.status;
  if (change === "remove") return `The licence key is removed. ${error ? sentence(error.message) : ""}`.trim();
  // That a plugin does not accept its key is shown as an alert.
  if (hasLicenseFault(after)) return "";
  const outcome = state === "enabled" ? ` ${pluginName(after)} is running.` : "";
  return `The licence key is recorded.${outcome}`;
}
