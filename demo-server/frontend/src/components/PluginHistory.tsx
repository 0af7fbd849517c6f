import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { api } from "../lib/api";
import { formatTime } from "../lib/format";
import type { Plugin } from "../lib/plugin";
import { keys } from "../lib/query";
import { Card } from "./Card";
import { StatusLine } from "./StatusLine";

/** The states that a plugin went through, newest first. Asked for anew whenever the stream tells of another one. */
export function PluginHistory({ plugin: { id, status } }: { plugin: Plugin }) {
  const { data: history = [] } = useQuery({
    queryKey: keys.history(id, status),
    queryFn: ({ signal }) => api.history(id, signal),
    placeholderData: keepPreviousData,
    retry: false,
  });
  if (history.length === 0) return null;
  return (
    <Card title="History since the server started">
      <ol className="-mt-1 divide-y divide-line">
        {history.toReversed().map((entry, index) => (
          // oxlint-disable-next-line react/no-array-index-key -- two changes may fall into one millisecond
          <li key={index} className="flex flex-wrap items-baseline justify-between gap-x-4 py-2 first:pt-0 last:pb-0">
            <div>
              <StatusLine state={entry.state} isPast />
              {entry.code && (
                <p className="pl-6.5 text-small text-muted">
                  Code <code className="font-mono">{entry.code}</code>
                </p>
              )}
            </div>
            <time dateTime={isoTime(entry.since)} className="text-small text-muted">
              {formatTime(entry.since)}
            </time>
          </li>
        ))}
      </ol>
    </Card>
  );
}

/** Nothing for a time that no calendar has. */
function isoTime(ms: number): string | undefined {
  const date = new Date(ms);
  return Number.isNaN(date.getTime()) ? undefined : date.toISOString();
}
