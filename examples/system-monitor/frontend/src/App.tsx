import { useCallback, useEffect, useState } from "preact/hooks";

import { CpuCard, DisksCard, MachineCard, MemoryCard, NetworkCard } from "./components/Cards";
import { ProcessesCard } from "./components/ProcessesCard";
import { changeInterval, message, type Overview, type Sample, type Settings } from "./lib/api";
import { type Connection, follow } from "./lib/follow";
import { interval } from "./lib/format";
import { remember } from "./lib/history";
import type { ToruApi } from "./toru";

const INTERVALS_MS = [500, 1000, 2000, 5000, 10_000, 30_000];

interface AppProps {
  api: ToruApi;
  overview: Overview;
  settings: Settings;
}

export function App({ api, overview, settings }: AppProps) {
  const [samples, setSamples] = useState<readonly Sample[]>([]);
  const [connection, setConnection] = useState<Connection>({ kind: "connecting" });
  const [isPaused, setPaused] = useState(false);
  const [intervalMs, setIntervalMs] = useState(settings.interval_ms);
  const [openedAt] = useState(() => performance.now());

  useEffect(() => {
    if (isPaused) return;
    const controller = new AbortController();
    const signal = AbortSignal.any([controller.signal, api.signal]);
    const take = (sample: Sample) => {
      setSamples((samples) => remember(samples, sample));
      // Somebody else may have chosen another one.
      setIntervalMs(sample.interval_ms);
    };
    void follow(api, signal, take, setConnection);
    return () => controller.abort();
  }, [api, isPaused]);

  const choose = useCallback(
    async (chosen: number) => {
      setIntervalMs(chosen);
      try {
        setIntervalMs((await changeInterval(api, chosen)).interval_ms);
      } catch (error) {
        if (api.signal.aborted) return;
        setIntervalMs(intervalMs);
        api.showToast(`The interval was not changed: ${message(error)}`, "error");
      }
    },
    [api, intervalMs],
  );

  const choices = new Set(
    INTERVALS_MS.filter((ms) => ms >= settings.min_interval_ms && ms <= settings.max_interval_ms),
  ).add(intervalMs);
  return (
    <div class="sysmon">
      <div class="sysmon-controls">
        <p role="status" class="sysmon-status">
          {isPaused ? "Paused" : state(connection)}
        </p>
        <label class="sysmon-field">
          Every
          <select
            value={intervalMs}
            title="For everybody who uses this server"
            onChange={({ currentTarget }) => void choose(Number(currentTarget.value))}
          >
            {[...choices]
              .sort((a, b) => a - b)
              .map((ms) => (
                <option key={ms} value={ms}>
                  {interval(ms)}
                </option>
              ))}
          </select>
        </label>
        <button type="button" class="sysmon-button" onClick={() => setPaused(!isPaused)}>
          {isPaused ? "Resume" : "Pause"}
        </button>
      </div>
      <div class="sysmon-cards">
        <CpuCard samples={samples} />
        <MemoryCard samples={samples} />
        <NetworkCard samples={samples} />
        <DisksCard samples={samples} />
        <ProcessesCard api={api} intervalMs={intervalMs} isPaused={isPaused} />
        <MachineCard overview={overview} awake_s={(performance.now() - openedAt) / 1000} />
      </div>
    </div>
  );
}

function state(connection: Connection): string {
  switch (connection.kind) {
    case "connecting":
      return "Connecting…";
    case "live":
      return "Live";
    case "lost":
      return `Not connected: ${connection.why}. Trying again…`;
  }
}
