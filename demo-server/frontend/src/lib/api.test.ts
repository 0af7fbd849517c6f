import { describe, expect, it, vi } from "vitest";
import { document } from "../test/plugins";
import { json, problem, serve } from "../test/http";
import { ApiProblem, api, retryAfter } from "./api";

async function failure(promise: Promise<unknown>): Promise<ApiProblem> {
  const error: unknown = await promise.then(
    () => null,
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof ApiProblem)) throw new Error("expected a problem");
  return error;
}

describe("api", () => {
  it("signs in with a JSON body, and sends cookies to its own origin only", async () => {
    const fetched = serve(() => json({ user: { name: "ada", role: "admin" } }));
    await expect(api.signIn("ada", "secret")).resolves.toEqual({ name: "ada", role: "admin" });
    const [path, init] = fetched.mock.calls[0] ?? [];
    expect(path).toBe("/api/session");
    expect(init).toMatchObject({ method: "POST", credentials: "same-origin", body: '{"username":"ada","password":"secret"}' });
    expect(init?.headers).toMatchObject({ "content-type": "application/json" });
  });

  it("takes nobody for an administrator whose role it does not know", async () => {
    serve(() => json({ user: { name: "eve", role: "ADMIN" } }));
    await expect(api.session()).resolves.toEqual({ name: "eve", role: "user" });
  });

  it("tells that nobody is signed in from that the server is in trouble", async () => {
    serve(() => problem(401, "unauthenticated"));
    await expect(api.session()).resolves.toBeNull();
    serve(() => problem(500, "internal"));
    expect(await failure(api.session())).toMatchObject({ status: 500, code: "internal" });
  });

  it("reads problems, with the wait and the reference", async () => {
    serve(() => problem(429, "too_many_attempts", "slow down", { "retry-after": "90" }));
    const error = await failure(api.signIn("a", "b"));
    expect(error).toMatchObject({ status: 429, code: "too_many_attempts", message: "slow down", retryAfter: 90 });
    serve(() => json({ code: "panicked", detail: "see the log", reference: "abc" }, 500));
    expect(await failure(api.scan())).toMatchObject({ reference: "abc" });
  });

  it("copes with answers that are not what they should be", async () => {
    serve(() => new Response("<h1>Bad gateway</h1>", { status: 502, headers: { "content-type": "text/html" } }));
    expect(await failure(api.plugins())).toMatchObject({ status: 502, code: "unknown" });
    serve(() => new Response("<!doctype html>", { status: 200 }));
    expect(await failure(api.plugins())).toMatchObject({ code: "unreadable" });
    serve(() => json({}));
    expect(await failure(api.enable("hello"))).toMatchObject({ code: "unreadable" });
  });

  it("tells a server that cannot be reached", async () => {
    serve(() => Promise.reject(new TypeError("Failed to fetch")));
    expect(await failure(api.plugins())).toMatchObject({ status: 0, code: "unreachable" });
  });

  it("leaves the end of a request by its signal what it is", async () => {
    serve(() => Promise.reject(new DOMException("aborted", "AbortError")));
    await expect(api.plugins(AbortSignal.abort())).rejects.toMatchObject({ name: "AbortError" });
  });

  it("fills in what a list lacks, and leaves out plugins without an id", async () => {
    serve(() => json({ plugins: [document("a"), { id: 7 }, null, { id: "bare" }] }));
    const list = await api.plugins();
    expect(list.plugins.map((plugin) => plugin.id)).toEqual(["a", "bare"]);
    expect(list.plugins[1]).toMatchObject({ metadata: null, routes: [], status: { state: "unknown" } });
    expect(list).toMatchObject({ rejected: [], read_only: false, notices: [] });
  });

  it("escapes ids in addresses", async () => {
    const fetched = serve(() => json(document("x")));
    await api.enable("a/../b");
    await api.disable("a b");
    expect(fetched.mock.calls.map(([path]) => path)).toEqual([
      "/api/plugins/a%2F..%2Fb/enable",
      "/api/plugins/a%20b/disable",
    ]);
  });

  it("takes a server that tells nothing of storage for one", async () => {
    serve(() => problem(404, "unknown_route"));
    await expect(api.storage("a")).resolves.toBeNull();
    serve(() => json({ keys: 2, bytes: 10, max_keys: null, max_bytes: 100 }));
    await expect(api.storage("a")).resolves.toEqual({ keys: 2, bytes: 10, max_keys: null, max_bytes: 100 });
  });

  it("reads the states of a plugin so far from its details", async () => {
    const history = [
      { state: "starting", since: 5, generation: 1, code: null },
      { state: "failed", since: 7, generation: 1, code: "init_failed" },
    ];
    serve(() => json({ ...document("a"), history }));
    await expect(api.history("a")).resolves.toEqual(history);
    serve(() => json(document("a")));
    await expect(api.history("a")).resolves.toEqual([]);
  });

  it("signs out without a body to read", async () => {
    const fetched = serve(() => new Response(null, { status: 204 }));
    await expect(api.signOut()).resolves.toBeUndefined();
    expect(vi.mocked(fetched).mock.calls[0]?.[1]).toMatchObject({ method: "DELETE" });
  });
});

describe("retryAfter", () => {
  it("reads seconds and dates", () => {
    const now = Date.UTC(2026, 0, 1);
    expect(retryAfter("30")).toBe(30);
    expect(retryAfter("Thu, 01 Jan 2026 00:01:00 GMT", now)).toBe(60);
    expect(retryAfter("Thu, 01 Jan 2015 00:01:00 GMT", now)).toBe(0);
    expect(retryAfter("soon")).toBeNull();
    expect(retryAfter(null)).toBeNull();
  });
});
