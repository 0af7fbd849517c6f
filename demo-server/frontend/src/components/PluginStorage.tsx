import { useQuery } from "@tanstack/react-query";
import { api } from "../lib/api";
import { formatBytes, formatCount } from "../lib/format";
import { keys } from "../lib/query";
import { Card } from "./Card";
import { Fact, Facts } from "./Facts";

/** How much a plugin has stored; nothing when the server does not tell. */
export function PluginStorage({ id }: { id: string }) {
  const use = useQuery({ queryKey: keys.storage(id), queryFn: ({ signal }) => api.storage(id, signal), retry: false }).data;
  if (!use) return null;
  return (
    <Card title="Stored data">
      <Facts>
        <Fact name="Keys">{withLimit(use.keys, use.max_keys, formatCount)}</Fact>
        <Fact name="Size">{withLimit(use.bytes, use.max_bytes, formatBytes)}</Fact>
      </Facts>
    </Card>
  );
}

function withLimit(used: number, limit: number | null, format: (count: number) => string): string {
  return limit === null ? format(used) : `${format(used)} of ${format(limit)} allowed`;
}
