import { useEffect, useState } from "preact/hooks";

import { loadProcesses, message, type ProcessList, type Sort } from "../lib/api";
import { delay } from "../lib/follow";
import { bytes, percent } from "../lib/format";
import type { ToruApi } from "../toru";
import { Card } from "./Card";

/** A list is more work than a sample. */
const MIN_PAUSE_MS = 2000;
const LIMITS = [10, 20, 50, 100];

interface ProcessesCardProps {
  api: ToruApi;
  intervalMs: number;
  isPaused: boolean;
}

export function ProcessesCard({ api, intervalMs, isPaused }: ProcessesCardProps) {
  const [sort, setSort] = useState<Sort>("cpu");
  const [limit, setLimit] = useState(LIMITS[0] ?? 10);
  const [list, setList] = useState<ProcessList>();
  const [problem, setProblem] = useState<string>();

  useEffect(() => {
    const controller = new AbortController();
    const signal = AbortSignal.any([controller.signal, api.signal]);
    const run = async () => {
      do {
        try {
          // Nobody sees a hidden page.
          if (!document.hidden) setList(await loadProcesses(api, sort, limit, signal));
          if (signal.aborted) return;
          setProblem(undefined);
        } catch (error) {
          if (signal.aborted) return;
          setProblem(message(error));
        }
        await delay(Math.max(intervalMs, MIN_PAUSE_MS), signal);
      } while (!isPaused && !signal.aborted);
    };
    void run();
    return () => controller.abort();
  }, [api, sort, limit, intervalMs, isPaused]);

  return (
    <Card
      title="Processes"
      value={
        <label class="sysmon-field">
          Show
          <select value={limit} onChange={({ currentTarget }) => setLimit(Number(currentTarget.value))}>
            {LIMITS.map((limit) => (
              <option key={limit} value={limit}>
                {limit}
              </option>
            ))}
          </select>
          {list && <span class="sysmon-muted">of {list.total}</span>}
        </label>
      }
      wide
    >
      {problem !== undefined && (
        <p class="sysmon-note sysmon-danger" role="alert">
          The list is not up to date: {problem}
        </p>
      )}
      <table class="sysmon-processes">
        <caption class="sysmon-unseen">
          Processes that use most {sort === "cpu" ? "CPU time" : "memory"}. CPU is in percent of one core.
        </caption>
        <thead>
          <tr>
            <th scope="col">Process</th>
            <th scope="col" class="sysmon-number">
              PID
            </th>
            <SortHeader name="CPU" by="cpu" sort={sort} onSort={setSort} />
            <SortHeader name="Memory" by="memory" sort={sort} onSort={setSort} />
          </tr>
        </thead>
        <tbody>
          {list?.processes.map(({ pid, name, cpu, memory_bytes }) => (
            <tr key={pid}>
              <th scope="row">{name ?? <span class="sysmon-muted">not shown</span>}</th>
              <td class="sysmon-number sysmon-muted">{pid}</td>
              <td class="sysmon-number">{percent(cpu)}</td>
              <td class="sysmon-number">{bytes(memory_bytes)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </Card>
  );
}

interface SortHeaderProps {
  name: string;
  by: Sort;
  sort: Sort;
  onSort: (sort: Sort) => void;
}

function SortHeader({ name, by, sort, onSort }: SortHeaderProps) {
  const isSorted = sort === by;
  return (
    <th scope="col" class="sysmon-number" aria-sort={isSorted ? "descending" : "none"}>
      <button type="button" class="sysmon-sort" onClick={() => onSort(by)}>
        {name} <span aria-hidden="true">{isSorted ? "▼" : "▽"}</span>
      </button>
    </th>
  );
}
