import { formatTime } from "../lib/format";
import type { HistoryEntry } from "../lib/plugin";
import { Card } from "./Card";
import { StatusLine } from "./StatusLine";

/** The states that a plugin went through, newest first. */
export function PluginHistory({ history }: { history: readonly HistoryEntry[] }) {
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
            <time dateTime={isoTime(entry.at)} className="text-small text-muted">
              {formatTime(entry.at)}
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
