import { formatBytes, formatCount, formatNanoseconds } from "../lib/format";
import type { Plugin, PluginCounters } from "../lib/plugin";
import { Card } from "./Card";
import { Fact, Facts } from "./Facts";

const TROUBLES: [keyof PluginCounters, string][] = [
  ["failed", "Ended with an error"],
  ["panicked", "Panicked"],
  ["timed_out", "Took too long"],
  ["invalid_responses", "Invalid answers"],
  ["broken_bodies", "Broke off an answer"],
  ["rejected", "Turned away when busy"],
  ["stopped", "Stopped with the plugin"],
  ["cancelled", "Client went away"],
];

/** What a plugin has done since the server started. */
export function PluginActivity({ plugin }: { plugin: Plugin }) {
  const { counters } = plugin;
  const troubles = TROUBLES.filter(([name]) => counters[name] > 0);
  return (
    <Card title="Activity since the server started">
      <Facts>
        <Fact name="Requests">{formatCount(counters.calls)}</Fact>
        <Fact name="Running now">{formatCount(counters.in_flight)}</Fact>
        <Fact name="Average time">
          {counters.calls > 0 ? formatNanoseconds(counters.time_ns / counters.calls) : "No requests yet"}
        </Fact>
        <Fact name="Received">{formatBytes(counters.bytes_in)}</Fact>
        <Fact name="Sent">{formatBytes(counters.bytes_out)}</Fact>
        <Fact name="Starts">{formatCount(counters.starts)}</Fact>
        {troubles.map(([name, words]) => (
          <Fact key={name} name={words}>
            {formatCount(counters[name])}
          </Fact>
        ))}
        {troubles.length === 0 && counters.calls > 0 && <Fact name="Problems">None</Fact>}
      </Facts>
    </Card>
  );
}
