import type { Sample } from "../lib/api";
import { curves, type Point } from "../lib/history";

const WIDTH = 600;
const HEIGHT = 120;

export interface Series {
  name: string;
  value: (sample: Sample) => number;
}

interface ChartProps {
  /** What the chart is of, for those who do not see it. */
  title: string;
  samples: readonly Sample[];
  series: Series[];
  /** The top of the scale. */
  max: number;
  format: (value: number) => string;
}

/** Curves over the last two minutes; the first one's area is filled. */
export function Chart({ title, samples, series, max, format }: ChartProps) {
  return (
    <div class="sysmon-chart">
      <div class="sysmon-scale" aria-hidden="true">
        <span>{format(max)}</span>
      </div>
      <svg
        role="img"
        aria-label={describe({ title, samples, series, max, format })}
        viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
        preserveAspectRatio="none"
      >
        {[0, 0.25, 0.5, 0.75].map((y) => (
          <line key={y} class="sysmon-grid-line" x1="0" x2={WIDTH} y1={y * HEIGHT} y2={y * HEIGHT} />
        ))}
        {series.map(({ name, value }, index) =>
          curves(samples, value).map((run, number) => {
            const line = path(run, max);
            const from = run[0];
            return (
              <g key={`${name} ${number}`} class={`sysmon-series-${index}`}>
                {index === 0 && from && <path class="sysmon-area" d={closed(line, run)} />}
                <path class="sysmon-line" d={line} />
              </g>
            );
          }),
        )}
      </svg>
      <div class="sysmon-scale" aria-hidden="true">
        <span>2 min ago</span>
        <span>now</span>
      </div>
    </div>
  );
}

/** The chart in a sentence, which is not read out at every change but when somebody comes to it. */
function describe({ title, samples, series, format }: ChartProps): string {
  const newest = samples.at(-1);
  if (!newest) return `${title}: nothing measured yet`;
  const parts = series.map(({ name, value }) => {
    const values = samples.map(value);
    const [least, most] = [Math.min(...values), Math.max(...values)];
    const what = series.length > 1 ? `${name} ` : "";
    return `${what}now ${format(value(newest))}, from ${format(least)} to ${format(most)}`;
  });
  return `${title} in the last two minutes: ${parts.join("; ")}`;
}

function path(run: Point[], max: number): string {
  const at = ({ x, value }: Point) => {
    const y = 1 - Math.min(Math.max(value / max, 0), 1);
    return `${(x * WIDTH).toFixed(1)} ${(y * HEIGHT).toFixed(1)}`;
  };
  // A single sample is a dot: a line of no length with round ends.
  const points = run.length === 1 ? [...run, ...run] : run;
  return `M${points.map(at).join("L")}`;
}

/** The line, down to the bottom at its end and back below its start. */
function closed(line: string, run: Point[]): string {
  const x = (point: Point | undefined) => ((point?.x ?? 0) * WIDTH).toFixed(1);
  return `${line}V${HEIGHT}H${x(run[0])}Z`;
}
