import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { problem, serve } from "../test/http";
import { catchScripts, noop, settled } from "../test/scripts";
import type { Injected } from "../test/scripts";
import { LOAD_LIMIT_MS, forgetBundles, integrityOf, loadBundle } from "./plugin-bundle";
import { ViewFailure } from "./view-failure";

const bundle = { id: "hello", url: "/api/plugins/hello/bundle.js?v=1", sha256: null };

let scripts: Injected[];

beforeEach(() => {
  forgetBundles();
  delete window.ToruPlugins;
  scripts = catchScripts();
});

afterEach(() => {
  vi.restoreAllMocks();
});

/** The latest script that was added to the page. */
function latest(): Injected {
  const script = scripts.at(-1);
  if (!script) throw new Error("no script was added");
  return script;
}

/** Loads the bundle, lets `act` happen, and tells the failure. */
async function failureOf(act: (script: Injected) => void): Promise<ViewFailure> {
  const load = loadBundle(bundle).then(
    () => null,
    (error: unknown) => error,
  );
  act(latest());
  const error = await load;
  if (!(error instanceof ViewFailure)) throw new Error("expected a failure");
  return error;
}

describe("loadBundle", () => {
  it("gives what the script registers", async () => {
    const load = loadBundle(bundle);
    latest().load({ hello: noop });
    await expect(load).resolves.toBe(noop);
    expect(latest().script.isConnected).toBe(false);
  });

  it("loads once for each content, whoever asks and when", async () => {
    const [first, second] = [loadBundle(bundle), loadBundle(bundle)];
    latest().load({ hello: noop });
    await Promise.all([first, second]);
    await loadBundle(bundle);
    expect(scripts).toHaveLength(1);
    const newer = { mount() {}, unmount() {} };
    const third = loadBundle({ ...bundle, url: "/api/plugins/hello/bundle.js?v=2" });
    latest().load({ hello: newer });
    await expect(third).resolves.toBe(newer);
    await expect(loadBundle(bundle)).resolves.toBe(noop);
    expect(scripts).toHaveLength(2);
  });

  it("never takes an old registration for a new one", async () => {
    window.ToruPlugins = { hello: noop };
    expect(await failureOf((script) => script.load())).toMatchObject({ stage: "register", code: "not-registered" });
  });

  it("names what a script registered as instead", async () => {
    window.ToruPlugins = { other: noop };
    const failure = await failureOf((script) => script.load({ foo: noop }));
    expect(failure).toMatchObject({ stage: "register", code: "wrong-id" });
    expect(failure.message).toContain('registered as "foo", expected "hello"');
  });

  it("notices what a script registered over another plugin", async () => {
    window.ToruPlugins = { other: noop };
    const failure = await failureOf((script) => script.load({ other: { mount() {}, unmount() {} } }));
    expect(failure.message).toContain('registered as "other"');
  });

  it("copes with a registry that a script has locked", async () => {
    window.ToruPlugins = Object.freeze({ hello: { mount() {}, unmount() {} }, other: noop });
    const load = loadBundle(bundle);
    latest().load({ hello: noop });
    await expect(load).resolves.toBe(noop);
    expect(window.ToruPlugins["other"]).toBe(noop);
  });

  it("copes with a registry that is none", async () => {
    const failure = await failureOf((script) => {
      Object.assign(window, { ToruPlugins: "mine" });
      script.script.dispatchEvent(new Event("load"));
    });
    expect(failure.code).toBe("not-registered");
  });

  it.each([
    ["nothing", undefined, "not-registered"],
    ["no functions", {}, "no-mount"],
    ["no mount", { unmount() {} }, "no-mount"],
    ["no unmount", { mount() {} }, "no-mount"],
  ])("refuses what has %s", async (_name, registered, code) => {
    const failure = await failureOf((script) => script.load({ hello: registered }));
    expect(failure).toMatchObject({ stage: "register", code });
  });

  it("tells what a script threw, and where, although it fires `load`", async () => {
    const failure = await failureOf((script) => script.throws("no luck", 12));
    expect(failure).toMatchObject({ stage: "evaluate", code: "evaluation" });
    expect(failure.message).toContain("Error: no luck (line 12, column 7)");
  });

  it("does not take errors of other scripts for its own", async () => {
    const load = loadBundle(bundle);
    window.dispatchEvent(new ErrorEvent("error", { message: "elsewhere", filename: "http://localhost:3000/other.js" }));
    latest().load({ hello: noop });
    await expect(load).resolves.toBe(noop);
  });

  it.each([
    [404, "plugin_disabled", "disabled"],
    [404, "plugin_missing", "disabled"],
    [404, "unknown_plugin", "not-found"],
    [404, "unknown_route", "not-found"],
    [503, "plugin_failed", "not-running"],
    [503, "plugin_quarantined", "not-running"],
    [401, "unauthenticated", "unauthenticated"],
    [403, "forbidden", "forbidden"],
    [500, "internal", "server-error"],
  ])("tells a refusal with %i %s as %s", async (status, problemCode, code) => {
    serve((method) => (method === "HEAD" ? new Response(null, { status }) : problem(status, problemCode)));
    expect(await failureOf((script) => script.error())).toMatchObject({ stage: "load", code });
  });

  it("asks the browser for the status first", async () => {
    const entry = { responseStatus: 403 } as PerformanceResourceTiming;
    vi.spyOn(performance, "getEntriesByName").mockReturnValue([entry]);
    const fetched = serve(() => problem(403, "forbidden"));
    expect(await failureOf((script) => script.error())).toMatchObject({ code: "forbidden" });
    expect(fetched.mock.calls.map(([, init]) => init?.method)).toEqual(["GET"]);
  });

  it("tells HTML in place of a script", async () => {
    serve(() => new Response("<!doctype html>", { headers: { "content-type": "text/html; charset=utf-8" } }));
    const failure = await failureOf((script) => script.error());
    expect(failure.code).toBe("wrong-content-type");
    expect(failure.message).toContain("text/html");
  });

  it("tells a script whose content is not the announced one", async () => {
    serve(() => new Response("", { headers: { "content-type": "text/javascript; charset=utf-8" } }));
    expect(await failureOf((script) => script.error())).toMatchObject({ code: "wrong-content" });
  });

  it("tells a server that is away", async () => {
    serve(() => Promise.reject(new TypeError("Failed to fetch")));
    expect(await failureOf((script) => script.error())).toMatchObject({ code: "network" });
  });

  it("gives up after the limit, and ignores what comes later", async () => {
    vi.useFakeTimers();
    const load = loadBundle(bundle).catch((error: unknown) => error);
    await vi.advanceTimersByTimeAsync(LOAD_LIMIT_MS - 1);
    const late = latest();
    expect(late.script.src).not.toBe("");
    await vi.advanceTimersByTimeAsync(1);
    expect(await load).toMatchObject({ stage: "load", code: "load-timeout" });
    late.load({ hello: noop });
    await settled();
    expect(vi.getTimerCount()).toBe(0);
  });

  it("really tries again after a failure, under an address of its own", async () => {
    await failureOf((script) => script.load());
    const again = loadBundle(bundle);
    expect(scripts).toHaveLength(2);
    expect(latest().url).toMatch(/\?v=1&retry=1$/);
    latest().load({ hello: noop });
    await expect(again).resolves.toBe(noop);
  });

  it("asks the browser to check the content", async () => {
    const sha256 = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    const load = loadBundle({ ...bundle, sha256 });
    expect(latest().script.integrity).toBe("sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=");
    latest().load({ hello: noop });
    await load;
    expect(integrityOf("not a digest")).toBeNull();
  });
});
