import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { document as documentOf, list, plugin, running, runningDocument } from "../test/plugins";
import { settled } from "../test/scripts";
import { applyEvent, connectEvents, decodeEvent } from "./plugin-events";
import type { PluginEvent } from "./plugin-events";

describe("applyEvent", () => {
  const before = { ...list(plugin("a"), plugin("c")), rejected: [{ file: "x", code: "c", message: "m" }], read_only: true };

  it("takes a snapshot for the truth about plugins, and keeps the rest", () => {
    const after = applyEvent(before, { kind: "snapshot", plugins: [running("b")] });
    expect(after).toEqual({ ...before, plugins: [running("b")] });
  });

  it("puts a changed plugin in its place, and a new one in its order", () => {
    expect(applyEvent(before, { kind: "changed", plugin: running("a") }).plugins).toEqual([running("a"), plugin("c")]);
    const ids = applyEvent(before, { kind: "changed", plugin: running("b") }).plugins.map(({ id }) => id);
    expect(ids).toEqual(["a", "b", "c"]);
  });

  it("removes what is gone, and nothing else", () => {
    expect(applyEvent(before, { kind: "removed", id: "a" }).plugins).toEqual([plugin("c")]);
    expect(applyEvent(before, { kind: "removed", id: "zzz" }).plugins).toEqual(before.plugins);
  });

  it("leaves the list before as it was", () => {
    const copy = structuredClone(before);
    applyEvent(before, { kind: "changed", plugin: running("a") });
    expect(before).toEqual(copy);
  });
});

describe("decodeEvent", () => {
  it("reads the events that there are", () => {
    expect(decodeEvent("snapshot", JSON.stringify({ plugins: [documentOf("a")] }))).toEqual({ kind: "snapshot", plugins: [plugin("a")] });
    expect(decodeEvent("changed", JSON.stringify(runningDocument("a")))).toEqual({ kind: "changed", plugin: running("a") });
    expect(decodeEvent("removed", '{"id":"a"}')).toEqual({ kind: "removed", id: "a" });
  });

  it("ignores what it cannot read", () => {
    expect(decodeEvent("changed", "{")).toBeNull();
    expect(decodeEvent("changed", "{}")).toBeNull();
    expect(decodeEvent("removed", "null")).toBeNull();
  });
});

class FakeEventSource extends EventTarget {
  static readonly CLOSED = 2;
  static opened: FakeEventSource[] = [];
  readyState = 0;
  readonly url: string;

  constructor(url: string) {
    super();
    this.url = url;
    FakeEventSource.opened.push(this);
  }

  close() {
    this.readyState = 2;
  }

  say(name: string, data: unknown) {
    this.dispatchEvent(new MessageEvent(name, { data: JSON.stringify(data) }));
  }

  /** The connection broke; a browser that was refused does not come back. */
  fail(isRefused: boolean) {
    this.readyState = isRefused ? 2 : 0;
    this.dispatchEvent(new Event("error"));
  }
}

describe("connectEvents", () => {
  beforeEach(() => {
    vi.useFakeTimers();
    FakeEventSource.opened = [];
    vi.stubGlobal("EventSource", FakeEventSource);
  });

  afterEach(() => {
    expect(vi.getTimerCount()).toBe(0);
  });

  function connect(hasSession: () => Promise<boolean> = () => Promise.resolve(true)) {
    const events: PluginEvent[] = [];
    const connection = connectEvents({ onEvent: (event) => events.push(event), hasSession });
    return { events, connection, sources: FakeEventSource.opened };
  }

  it("opens one stream, and tells its events under both names of a change", () => {
    const { events, connection, sources } = connect();
    sources[0]?.say("snapshot", { plugins: [] });
    sources[0]?.say("plugin", documentOf("a"));
    sources[0]?.say("changed", documentOf("b"));
    sources[0]?.say("removed", { id: "a" });
    expect(events.map((event) => event.kind)).toEqual(["snapshot", "changed", "changed", "removed"]);
    expect(sources.map((source) => source.url)).toEqual(["/api/plugin-events"]);
    connection.close();
    expect(sources[0]?.readyState).toBe(2);
  });

  it("leaves a broken connection to the browser", async () => {
    const { connection, sources } = connect();
    sources[0]?.fail(false);
    await vi.advanceTimersByTimeAsync(60_000);
    expect(sources).toHaveLength(1);
    connection.close();
  });

  it("comes back after a refusal, with growing pauses", async () => {
    const { connection, sources } = connect(() => Promise.reject(new Error("away")));
    const counts: number[] = [];
    for (const pause of [2000, 4000, 8000]) {
      sources.at(-1)?.fail(true);
      await vi.advanceTimersByTimeAsync(pause - 1);
      counts.push(sources.length);
      await vi.advanceTimersByTimeAsync(1);
    }
    expect(counts).toEqual([1, 2, 3]);
    expect(sources).toHaveLength(4);
    connection.close();
  });

  it("does not come back when the session is over", async () => {
    const { connection, sources } = connect(() => Promise.resolve(false));
    sources[0]?.fail(true);
    await vi.advanceTimersByTimeAsync(60_000);
    expect(sources).toHaveLength(1);
    connection.close();
  });

  it("comes back at once when somebody looks, and only if the stream is down", async () => {
    const { connection, sources } = connect();
    connection.wake();
    expect(sources).toHaveLength(1);
    sources[0]?.fail(true);
    await settled();
    connection.wake();
    expect(sources).toHaveLength(2);
    connection.close();
    connection.wake();
    expect(sources).toHaveLength(2);
  });
});
