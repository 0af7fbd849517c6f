import type { Sample } from "./api";

/** How far the charts look back. */
export const WINDOW_MS = 120_000;

/** The samples of the last two minutes with a new one; those before a jump of the clock are dropped. */
export function remember(samples: readonly Sample[], sample: Sample): readonly Sample[] {
  const oldest = sample.time_ms - WINDOW_MS;
  const kept = samples.filter(({ time_ms }) => time_ms >= oldest && time_ms < sample.time_ms);
  return [...kept, sample];
}

export interface Point {
  /** Within the window, 0 at its start and 1 now. */
  x: number;
  value: number;
}

/** The points of a curve, apart wherever samples are missing. */
export function curves(samples: readonly Sample[], value: (sample: Sample) => number): Point[][] {
  const now = samples.at(-1)?.time_ms ?? 0;
  const runs: Point[][] = [];
  let before: Sample | undefined;
  for (const sample of samples) {
    const point = { x: 1 - (now - sample.time_ms) / WINDOW_MS, value: value(sample) };
    // The interval may have been changed in between: the longer one decides.
    const gap = before && 3 * Math.max(before.interval_ms, sample.interval_ms);
    const run = runs.at(-1);
    if (run && before && gap !== undefined && sample.time_ms - before.time_ms <= gap) run.push(point);
    else runs.push([point]);
    before = sample;
  }
  return runs;
}
