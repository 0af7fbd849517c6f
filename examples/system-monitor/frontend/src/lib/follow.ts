import type { ToruApi } from "../toru";
import { message, problem, type Sample } from "./api";
import { events } from "./events";

export type Connection = { kind: "connecting" } | { kind: "live" } | { kind: "lost"; why: string };

const FIRST_PAUSE_MS = 1000;
const LONGEST_PAUSE_MS = 15_000;
/** A stream that is silent for longer than this, and than three intervals, is taken for dead. */
const SILENCE_MS = 10_000;

/** Tells samples until `signal` is aborted, and connects again when the stream breaks. */
export async function follow(
  api: ToruApi,
  signal: AbortSignal,
  onSample: (sample: Sample) => void,
  onConnection: (connection: Connection) => void,
): Promise<void> {
  let pause = FIRST_PAUSE_MS;
  onConnection({ kind: "connecting" });
  while (!signal.aborted) {
    let why = "the stream has ended";
    const attempt = new AbortController();
    const giveUp = () => attempt.abort(new Error("nothing arrives any more"));
    let silence = setTimeout(giveUp, SILENCE_MS);
    try {
      const response = await api.fetch("/live", { signal: AbortSignal.any([signal, attempt.signal]) });
      if (!response.ok || !response.body) throw new Error(await problem(response));
      for await (const data of events(response.body)) {
        if (signal.aborted) return;
        const sample = JSON.parse(data) as Sample;
        clearTimeout(silence);
        silence = setTimeout(giveUp, Math.max(SILENCE_MS, 3 * sample.interval_ms));
        pause = FIRST_PAUSE_MS;
        onConnection({ kind: "live" });
        onSample(sample);
      }
    } catch (error) {
      why = message(error);
    } finally {
      clearTimeout(silence);
    }
    if (signal.aborted) return;
    onConnection({ kind: "lost", why });
    await delay(pause, signal);
    pause = Math.min(pause * 2, LONGEST_PAUSE_MS);
  }
}

/** Waits, or less when `signal` is aborted. */
export function delay(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    const done = () => {
      clearTimeout(timer);
      signal.removeEventListener("abort", done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal.addEventListener("abort", done);
  });
}
