import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { api } from "../lib/api";
import { plural } from "../lib/format";
import { keys } from "../lib/query";
import { showToast } from "../lib/toast";

/** How often counters are read where they are shown: the stream does not tell each request. */
export const COUNTERS_MS = 10_000;

export function usePlugins(refreshMs: number | false = false) {
  return useQuery({
    queryKey: keys.plugins,
    queryFn: ({ signal }) => api.plugins(signal),
    // The stream of events keeps this fresh; looking at the page again makes up for a stream that is down.
    refetchOnWindowFocus: "always",
    refetchInterval: refreshMs,
  });
}

export function useScan() {
  const client = useQueryClient();
  return useMutation({
    mutationFn: () => api.scan(),
    onSuccess: (list) => {
      client.setQueryData(keys.plugins, list);
      const rejected = list.rejected.length > 0 ? `, ${plural(list.rejected.length, "file")} not usable` : "";
      showToast(`Scanned: ${plural(list.plugins.length, "plugin")}${rejected}.`, "success");
    },
    onError: (error) => showToast(`The plugins folder could not be scanned. ${error.message}`, "error"),
  });
}
