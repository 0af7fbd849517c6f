import { describe, expect, test, vi } from "vitest";

import type { ToruApi } from "../toru";
import type { Sample } from "./api";
import { events } from "./events";
import { type Connection, follow } from "./follow";
import { bytes, duration, interval, percent, roundUp, share } from "./format";
import { curves, remember, WINDOW_MS } from "./history";

function sampleAt(time_ms: number, interval_ms = 1000): Sample {
  return {
    time_ms,
    interval_ms,
    cpu: { total: time_ms / 1000, cores: [] },
    load: null,
    memory: { total: 0, used: 0, swap_total: 0, swap_used: 0 },
    network: { received: 0, sent: 0 },
    disks: [],
  };
}

function streamOf(pieces: string[], onCancel: () => void = () => undefined): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder();
  return new ReadableStream({
    pull(controller) {
      const piece = pieces.shift();
      if (piece === undefined) controller.close();
      else controller.enqueue(encoder.encode(piece));
    },
    cancel: onCancel,
  });
}

async function all(stream: ReadableStream<Uint8Array>): Promise<string[]> {
  const read: string[] = [];
  for await (const data of events(stream)) read.push(data);
  return read;
}

describe("events", () => {
  test("are found wherever the pieces are cut", async () => {
    const text = "data: one\n\n: a comment\n\ndata:two\ndata: lines\r\n\r\nevent: x\ndata: ü\n\ndata: unfinished";
    const expected = ["one", "two\nlines", "ü"];
    expect(await all(streamOf([text]))).toEqual(expected);
    expect(await all(streamOf([...text]))).toEqual(expected);
  });

  test("end the request when nobody reads on", async () => {
    const cancelled = vi.fn();
    for await (const _ of events(streamOf(["data: 1\n\n", "data: 2\n\n"], cancelled))) break;
    expect(cancelled).toHaveBeenCalledOnce();
  });
});

describe("follow", () => {
  test("connects again after an end and an error, and stops when told to", async () => {
    vi.useFakeTimers();
    const controller = new AbortController();
    const told: (number | Connection)[] = [];
    const answers = [
      () => new Response(streamOf([`data: ${JSON.stringify(sampleAt(1))}\n\n`])),
      () => Response.json({ error: "not now" }, { status: 503 }),
      () => new Response(streamOf([`data: ${JSON.stringify(sampleAt(2))}\n\n`])),
    ];
    const fetch = vi.fn(async () => {
      const answer = answers.shift();
      if (!answer) throw new TypeError("unreachable");
      return answer();
    });
    const api: ToruApi = { fetch, showToast: () => undefined, signal: controller.signal };
    const following = follow(
      api,
      controller.signal,
      (sample) => {
        told.push(sample.time_ms);
        if (sample.time_ms === 2) controller.abort();
      },
      (connection) => told.push(connection),
    );
    await vi.runAllTimersAsync();
    await following;
    expect(told).toEqual([
      { kind: "connecting" },
      { kind: "live" },
      1,
      { kind: "lost", why: "the stream has ended" },
      { kind: "lost", why: "not now" },
      { kind: "live" },
      2,
    ]);
    expect(fetch).toHaveBeenCalledTimes(3);
    expect(vi.getTimerCount()).toBe(0);
    vi.useRealTimers();
  });
});

describe("follow, when a stream is silent", () => {
  test("gives it up after a while", async () => {
    vi.useFakeTimers();
    const controller = new AbortController();
    const told: Connection[] = [];
    const api: ToruApi = {
      fetch: (_, init) =>
        new Promise((_, reject) => init?.signal?.addEventListener("abort", () => reject(init.signal?.reason))),
      showToast: () => undefined,
      signal: controller.signal,
    };
    const following = follow(
      api,
      controller.signal,
      () => undefined,
      (connection) => told.push(connection),
    );
    await vi.advanceTimersByTimeAsync(9999);
    expect(told).toEqual([{ kind: "connecting" }]);
    await vi.advanceTimersByTimeAsync(1);
    expect(told[1]).toEqual({ kind: "lost", why: "nothing arrives any more" });
    controller.abort();
    await following;
    expect(vi.getTimerCount()).toBe(0);
    vi.useRealTimers();
  });
});

describe("history", () => {
  test("keeps two minutes, in order", () => {
    let samples = remember([], sampleAt(0));
    samples = remember(samples, sampleAt(1000));
    samples = remember(samples, sampleAt(WINDOW_MS + 1));
    expect(samples.map(({ time_ms }) => time_ms)).toEqual([1000, WINDOW_MS + 1]);
    samples = remember(samples, sampleAt(500));
    expect(samples.map(({ time_ms }) => time_ms)).toEqual([500]);
  });

  test("curves end at now and are interrupted by gaps", () => {
    const samples = [0, 1000, 10_000, 12_000].map((time) => sampleAt(time));
    const runs = curves(samples, (sample) => sample.cpu.total);
    expect(runs.map((run) => run.map(({ value }) => value))).toEqual([
      [0, 1],
      [10, 12],
    ]);
    expect(runs.at(-1)?.at(-1)?.x).toBe(1);
    expect(runs[0]?.[0]?.x).toBeCloseTo(0.9);
    expect(curves([], () => 0)).toEqual([]);
  });
});

describe("format", () => {
  test("bytes have three digits", () => {
    expect([0, 999, 1000, 1536, 15_000, 1_500_000, 1024 ** 3 * 251.9].map(bytes)).toEqual([
      "0 B",
      "999 B",
      "0.98 KiB",
      "1.50 KiB",
      "14.6 KiB",
      "1.43 MiB",
      "252 GiB",
    ]);
  });

  test("scales end at round numbers", () => {
    expect([0, 1, 3, 150, 1000, 3000, 1024 * 11].map(roundUp)).toEqual([1, 1, 5, 200, 1024, 5120, 20_480]);
  });

  test("the rest is short", () => {
    expect([0, 9.94, 9.96, 100].map(percent)).toEqual(["0.0 %", "9.9 %", "10 %", "100 %"]);
    expect([59, 3600, 90_000].map(duration)).toEqual(["0 min", "1 h 0 min", "1 d 1 h"]);
    expect([500, 1000, 2500].map(interval)).toEqual(["500 ms", "1 s", "2.5 s"]);
    expect([share(1, 4), share(1, 0)]).toEqual([25, 0]);
  });
});
