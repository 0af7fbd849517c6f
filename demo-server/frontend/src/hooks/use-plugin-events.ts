import { useEffect } from "react";
import { useQueryClient } from "@tanstack/react-query";
import { api } from "../lib/api";
import type { PluginList } from "../lib/plugin";
import { applyEvent, connectEvents } from "../lib/plugin-events";
import { keys } from "../lib/query";

/** Keeps the list of plugins as the server has it, through one stream for the whole tab. */
export function usePluginEvents(): void {
  const client = useQueryClient();
  useEffect(() => {
    const connection = connectEvents({
      onEvent(event) {
        client.setQueryData<PluginList>(keys.plugins, (list) => list && applyEvent(list, event));
        // An answer that is on its way may be older than this event.
        if (client.isFetching({ queryKey: keys.plugins }) > 0) void client.invalidateQueries({ queryKey: keys.plugins });
      },
      async hasSession() {
        const user = await api.session();
        if (user === null) client.setQueryData(keys.session, null);
        return user !== null;
      },
    });
    const wake = () => document.visibilityState === "visible" && connection.wake();
    window.addEventListener("focus", wake);
    window.addEventListener("online", wake);
    document.addEventListener("visibilitychange", wake);
    return () => {
      window.removeEventListener("focus", wake);
      window.removeEventListener("online", wake);
      document.removeEventListener("visibilitychange", wake);
      connection.close();
    };
  }, [client]);
}
