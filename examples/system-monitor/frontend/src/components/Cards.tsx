import type { Overview, Sample } from "../lib/api";
import { bytes, duration, percent, rate, roundUp, share } from "../lib/format";
import { Bar, Card } from "./Card";
import { Chart } from "./Chart";

/** From here on a disk is nearly full, in percent. */
const NEARLY_FULL = 90;

/** So many cores have room without scrolling, even on a phone. */
const SHOWN_CORES = 12;

interface LiveProps {
  samples: readonly Sample[];
}

export function CpuCard({ samples }: LiveProps) {
  const newest = samples.at(-1);
  return (
    <Card title="CPU" value={newest ? percent(newest.cpu.total) : "…"}>
      <Chart
        title="CPU use"
        samples={samples}
        series={[{ name: "all cores", value: ({ cpu }) => cpu.total }]}
        max={100}
        format={percent}
      />
      {newest?.load && (
        <p class="sysmon-note">
          Load {newest.load.map((load) => load.toFixed(2)).join(", ")}
          <span class="sysmon-muted"> over 1, 5 and 15 minutes</span>
        </p>
      )}
      {newest && (
        <ul
          role="list"
          class="sysmon-cores"
          aria-label="CPU use of each core"
          // Many of them are scrolled, with the keyboard too.
          tabIndex={newest.cpu.cores.length > SHOWN_CORES ? 0 : undefined}
        >
          {newest.cpu.cores.map((core, index) => (
            <li key={index}>
              <div>
                <span class="sysmon-muted">
                  <span class="sysmon-unseen">Core </span>
                  {index}
                </span>
                <span>{Math.round(core)} %</span>
              </div>
              <Bar percent={core} />
            </li>
          ))}
        </ul>
      )}
    </Card>
  );
}

export function MemoryCard({ samples }: LiveProps) {
  const memory = samples.at(-1)?.memory;
  return (
    <Card title="Memory" value={memory ? percent(share(memory.used, memory.total)) : "…"}>
      <Chart
        title="Memory in use"
        samples={samples}
        series={[{ name: "memory", value: (sample) => sample.memory.used }]}
        max={memory?.total || 1}
        format={bytes}
      />
      {memory && (
        <p class="sysmon-note">
          {bytes(memory.used)} of {bytes(memory.total)} in use
          <span class="sysmon-muted">
            {memory.swap_total > 0
              ? `, ${bytes(memory.swap_used)} of ${bytes(memory.swap_total)} swap`
              : ", no swap"}
          </span>
        </p>
      )}
    </Card>
  );
}

export function NetworkCard({ samples }: LiveProps) {
  const newest = samples.at(-1);
  const most = Math.max(...samples.flatMap(({ network }) => [network.received, network.sent]), 1024);
  return (
    <Card title="Network">
      <Chart
        title="Network"
        samples={samples}
        series={[
          { name: "received", value: ({ network }) => network.received },
          { name: "sent", value: ({ network }) => network.sent },
        ]}
        max={roundUp(most)}
        format={rate}
      />
      {newest && (
        <dl class="sysmon-legend">
          <div>
            <dt class="sysmon-key-0">Received</dt>
            <dd>{rate(newest.network.received)}</dd>
          </div>
          <div>
            <dt class="sysmon-key-1">Sent</dt>
            <dd>{rate(newest.network.sent)}</dd>
          </div>
        </dl>
      )}
    </Card>
  );
}

export function DisksCard({ samples }: LiveProps) {
  const disks = samples.at(-1)?.disks;
  return (
    <Card title="Disks">
      {disks?.length === 0 && <p class="sysmon-note sysmon-muted">The operating system tells of none.</p>}
      {disks && disks.length > 0 && (
        <ul role="list" class="sysmon-disks">
          {disks.map(({ mount, file_system, total, available }) => {
            const full = share(total - available, total);
            return (
              <li key={mount}>
                <div>
                  <strong>{mount}</strong> <span class="sysmon-muted">{file_system}</span>
                </div>
                <Bar percent={full} isAlarming={full >= NEARLY_FULL} />
                <div>
                  {bytes(available)} of {bytes(total)} available
                  {full >= NEARLY_FULL && <span class="sysmon-danger"> – nearly full</span>}
                </div>
              </li>
            );
          })}
        </ul>
      )}
    </Card>
  );
}

export function MachineCard({ overview, awake_s }: { overview: Overview; awake_s: number }) {
  const { cores, physical_cores } = overview;
  const facts: [string, string | null][] = [
    ["Name", overview.host_name],
    ["System", overview.os],
    ["Kernel", overview.kernel],
    ["Processor", overview.cpu],
    ["Architecture", overview.architecture],
    ["Cores", physical_cores === null ? `${cores}` : `${cores}, ${physical_cores} physical`],
    ["Memory", bytes(overview.memory_bytes)],
    ["Up for", duration(overview.uptime_s + awake_s)],
  ];
  return (
    <Card title="Machine" wide>
      <dl class="sysmon-facts">
        {facts.map(
          ([name, value]) =>
            value !== null && (
              <div key={name}>
                <dt>{name}</dt>
                <dd>{value}</dd>
              </div>
            ),
        )}
      </dl>
    </Card>
  );
}
