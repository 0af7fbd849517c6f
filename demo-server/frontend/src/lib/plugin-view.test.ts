import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { ToruApi, ToruPlugin } from "toru-plugin-ui";
import { catchScripts, settled } from "../test/scripts";
import type { Injected } from "../test/scripts";
import { forgetBundles } from "./plugin-bundle";
import { MOUNT_LIMIT_MS, SLOW_HINT_MS, UNMOUNT_LIMIT_MS, openView } from "./plugin-view";
import type { ViewState, Visit } from "./plugin-view";

let scripts: Injected[];
let calls: string[];
/** Each test has plugins of its own, so that none waits for what another has left behind. */
let test = 0;

beforeEach(() => {
  test += 1;
  calls = [];
  forgetBundles();
  delete window.ToruPlugins;
  document.body.replaceChildren();
  scripts = catchScripts();
  vi.useFakeTimers();
});

afterEach(() => {
  vi.restoreAllMocks();
});

interface Opened {
  visit: Visit;
  states: ViewState[];
  warnings: string[];
  signal: () => AbortSignal | undefined;
  outlet: HTMLElement;
}

function open(name: string, version = 1, outlet: HTMLElement = document.createElement("div")): Opened {
  document.body.append(outlet);
  const id = `${name}-${test}`;
  const states: ViewState[] = [];
  const warnings: string[] = [];
  let signal: AbortSignal | undefined;
  const visit = openView({
    bundle: { id, url: `/api/plugins/${id}/bundle.js?v=${version}`, sha256: null },
    outlet,
    createApi(given) {
      signal = given;
      return { signal: given } as ToruApi;
    },
    onState: (state) => states.push(state),
    onWarning: (message) => warnings.push(message),
  });
  return { visit, states, warnings, signal: () => signal, outlet };
}

/** Finishes the script of a plugin. */
async function arrive(name: string, plugin: Partial<ToruPlugin> = {}): Promise<void> {
  const id = `${name}-${test}`;
  const script = scripts.findLast((one) => one.script.dataset["toruBundle"] === id);
  script?.load({ [id]: { ...recording(name), ...plugin } });
  await settled();
}

function recording(name: string): ToruPlugin {
  return {
    mount(container) {
      calls.push(`mount ${name}`);
      container.textContent = name;
    },
    unmount(container) {
      calls.push(`unmount ${name} ${container.isConnected ? "in" : "out of"} the page`);
    },
  };
}

function steps(opened: Opened): string[] {
  return opened.states.map((state) => (state.step === "failed" ? `failed ${state.failure.code}` : state.step));
}

/** A promise that is settled from outside. */
function promise() {
  let resolve = () => {};
  let reject: (error: unknown) => void = () => {};
  const made = new Promise<void>((yes, no) => {
    resolve = yes;
    reject = no;
  });
  return { promise: made, resolve, reject };
}

describe("a visit", () => {
  it("loads, mounts into a fresh container, and unmounts before the container goes", async () => {
    const a = open("a");
    await arrive("a");
    expect(steps(a)).toEqual(["loading", "mounting", "mounted"]);
    expect(a.outlet.children).toHaveLength(1);
    expect(a.outlet.firstElementChild?.getAttribute("data-toru-plugin")).toBe(`a-${test}`);
    expect(a.signal()?.aborted).toBe(false);
    await a.visit.leave();
    expect(steps(a)).toEqual(["loading", "mounting", "mounted", "unmounting", "idle"]);
    expect(calls).toEqual(["mount a", "unmount a in the page"]);
    expect(a.outlet.childNodes).toHaveLength(0);
    expect(a.signal()?.aborted).toBe(true);
    expect(vi.getTimerCount()).toBe(0);
  });

  it("calls unmount at once when it is left, while everything is still in place", async () => {
    const a = open("a");
    await arrive("a");
    void a.visit.leave();
    expect(calls.at(-1)).toBe("unmount a in the page");
  });

  it("never uses a container twice", async () => {
    const a = open("a");
    await arrive("a");
    const first = a.outlet.firstElementChild;
    await a.visit.leave();
    const again = open("a", 1, a.outlet);
    await settled();
    expect(again.outlet.firstElementChild).not.toBe(first);
    expect(calls).toEqual(["mount a", "unmount a in the page", "mount a"]);
  });

  it("does nothing with a script that arrives after it was left", async () => {
    const a = open("a");
    await a.visit.leave();
    await arrive("a");
    expect(steps(a)).toEqual(["loading", "idle"]);
    expect(calls).toEqual([]);
    expect(vi.getTimerCount()).toBe(0);
  });

  it("tells no failure to a page that was left", async () => {
    const a = open("a");
    await a.visit.leave();
    scripts[0]?.throws("late");
    await settled();
    expect(steps(a)).toEqual(["loading", "idle"]);
  });

  it("waits for a pending mount when it is left, then unmounts", async () => {
    const pending = promise();
    const a = open("a");
    await arrive("a", { mount: () => pending.promise });
    const left = a.visit.leave();
    await settled();
    expect(calls).toEqual([]);
    expect(a.signal()?.aborted).toBe(false);
    pending.resolve();
    await left;
    expect(calls).toEqual(["unmount a in the page"]);
    expect(a.signal()?.aborted).toBe(true);
    expect(steps(a)).toEqual(["loading", "mounting", "unmounting", "idle"]);
  });

  it("waits for a pending mount no longer than mounting may take", async () => {
    const a = open("a");
    await arrive("a", { mount: () => new Promise(() => {}) });
    await vi.advanceTimersByTimeAsync(4000);
    const left = a.visit.leave();
    await vi.advanceTimersByTimeAsync(MOUNT_LIMIT_MS - 4001);
    expect(calls).toEqual([]);
    await vi.advanceTimersByTimeAsync(1);
    await left;
    expect(calls).toEqual(["unmount a in the page"]);
    expect(a.outlet.childNodes).toHaveLength(0);
  });

  it("does not unmount what failed to mount after it was left", async () => {
    const pending = promise();
    const a = open("a");
    await arrive("a", { mount: () => pending.promise });
    const left = a.visit.leave();
    pending.reject(new Error("too late"));
    await left;
    expect(calls).toEqual([]);
    expect(a.warnings).toEqual(["mount() failed after its page was left"]);
    expect(a.outlet.childNodes).toHaveLength(0);
  });

  it.each([
    ["throws", () => { throw new Error("no canvas"); }],
    ["rejects", () => Promise.reject(new Error("no canvas"))],
  ])("fails when mount %s", async (_how, mount) => {
    const a = open("a");
    await arrive("a", { mount });
    expect(steps(a)).toEqual(["loading", "mounting", "failed mount-failed"]);
    const last = a.states.at(-1);
    expect(last?.step === "failed" && last.failure).toMatchObject({ stage: "mount" });
    expect(last?.step === "failed" && last.failure.message).toContain("no canvas");
    expect(a.outlet.childNodes).toHaveLength(0);
    expect(a.signal()?.aborted).toBe(true);
    await a.visit.leave();
    expect(calls).toEqual([]);
  });

  it.each([undefined, null, "text", 7, { toString() { throw new Error("not even that"); } }])(
    "copes with a mount that throws %o",
    async (thrown) => {
      const a = open("a");
      await arrive("a", { mount: () => { throw thrown; } });
      expect(steps(a)).toEqual(["loading", "mounting", "failed mount-failed"]);
    },
  );

  it("hints that a plugin is slow, and fails one whose mount never ends", async () => {
    const a = open("a");
    await arrive("a", { mount: () => new Promise(() => {}) });
    await vi.advanceTimersByTimeAsync(SLOW_HINT_MS);
    expect(a.states.at(-1)).toEqual({ step: "mounting", isSlow: true });
    await vi.advanceTimersByTimeAsync(MOUNT_LIMIT_MS - SLOW_HINT_MS);
    expect(a.states.at(-1)).toMatchObject({ step: "failed", failure: { stage: "mount", code: "mount-timeout" } });
    await settled();
    expect(calls).toEqual(["unmount a in the page"]);
    expect(a.outlet.childNodes).toHaveLength(0);
    expect(vi.getTimerCount()).toBe(0);
  });

  it("hints that a load is slow, and not once it was left", async () => {
    const a = open("a");
    await vi.advanceTimersByTimeAsync(SLOW_HINT_MS);
    expect(a.states.at(-1)).toEqual({ step: "loading", isSlow: true });
    const b = open("b");
    await b.visit.leave();
    await vi.advanceTimersByTimeAsync(SLOW_HINT_MS);
    expect(steps(b)).toEqual(["loading", "idle"]);
  });

  it("removes the container although unmount throws", async () => {
    const a = open("a");
    await arrive("a", { unmount: () => { throw new Error("no"); } });
    await a.visit.leave();
    expect(a.outlet.childNodes).toHaveLength(0);
    expect(a.warnings).toEqual(["unmount() failed"]);
    expect(steps(a).at(-1)).toBe("idle");
  });

  it("removes the container although unmount hangs", async () => {
    const a = open("a");
    await arrive("a", { unmount: () => new Promise(() => {}) });
    const left = a.visit.leave();
    await vi.advanceTimersByTimeAsync(UNMOUNT_LIMIT_MS - 1);
    expect(a.outlet.childNodes).toHaveLength(1);
    await vi.advanceTimersByTimeAsync(1);
    await left;
    expect(a.outlet.childNodes).toHaveLength(0);
    expect(a.warnings).toEqual(["unmount() did not end within 3 seconds"]);
  });

  it("is left once, however often one leaves", async () => {
    const a = open("a");
    await arrive("a");
    await Promise.all([a.visit.leave(), a.visit.leave()]);
    expect(calls).toEqual(["mount a", "unmount a in the page"]);
  });
});

describe("visits one after the other", () => {
  it("A, B, A: each is mounted and unmounted in turn", async () => {
    const a = open("a");
    await arrive("a");
    await a.visit.leave();
    const b = open("b");
    await arrive("b");
    await b.visit.leave();
    const again = open("a");
    await settled();
    expect(steps(again).at(-1)).toBe("mounted");
    expect(calls).toEqual(["mount a", "unmount a in the page", "mount b", "unmount b in the page", "mount a"]);
    expect(scripts).toHaveLength(2);
  });

  it("A, B, A in a hurry: only the last visit mounts", async () => {
    const a = open("a");
    void a.visit.leave();
    const b = open("b");
    void b.visit.leave();
    const again = open("a");
    await arrive("b");
    await arrive("a");
    expect(calls).toEqual(["mount a"]);
    expect(steps(again).at(-1)).toBe("mounted");
  });

  it("does not keep the next plugin waiting for one that does not end", async () => {
    const a = open("a");
    await arrive("a", { unmount: () => new Promise(() => {}) });
    void a.visit.leave();
    const b = open("b");
    await arrive("b");
    expect(steps(b).at(-1)).toBe("mounted");
  });

  it("mounts a plugin again only after its last visit has ended", async () => {
    const pending = promise();
    const a = open("a");
    await arrive("a", { unmount: () => pending.promise.then(() => void calls.push("ended")) });
    void a.visit.leave();
    const again = open("a");
    await settled();
    expect(calls).toEqual(["mount a"]);
    pending.resolve();
    await settled();
    expect(calls).toEqual(["mount a", "ended", "mount a"]);
    expect(steps(again).at(-1)).toBe("mounted");
  });

  it("is clean when effects run twice", async () => {
    const outlet = document.createElement("div");
    const first = open("a", 1, outlet);
    void first.visit.leave();
    open("a", 1, outlet);
    await arrive("a");
    expect(calls).toEqual(["mount a"]);
    expect(outlet.children).toHaveLength(1);
    expect(scripts).toHaveLength(1);
  });

  it("leaves nothing behind after 200 visits", async () => {
    for (let round = 0; round < 200; round += 1) {
      const { visit, outlet } = open("a");
      await (round === 0 ? arrive("a") : settled());
      await visit.leave();
      outlet.remove();
    }
    expect(calls).toHaveLength(400);
    expect(document.body.childNodes).toHaveLength(0);
    expect(document.querySelectorAll("script")).toHaveLength(0);
    expect(vi.getTimerCount()).toBe(0);
  });
});
