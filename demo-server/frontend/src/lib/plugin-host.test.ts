import { describe, expect, it, vi } from "vitest";
import { json, problem, serve } from "../test/http";
import { createToruApi } from "./plugin-host";
import type { PluginHost } from "./plugin-host";
import { Source } from "./source";

function setUp() {
  const end = new AbortController();
  const host = {
    plugin: { id: "hello", name: "Hello", version: "1.0.0" },
    root: "/p/hello",
    theme: new Source<"light" | "dark">("light"),
    location: new Source("/items"),
    navigate: vi.fn<PluginHost["navigate"]>(),
    showToast: vi.fn<PluginHost["showToast"]>(),
    onUnauthenticated: vi.fn<PluginHost["onUnauthenticated"]>(),
    onWarning: vi.fn<PluginHost["onWarning"]>(),
  };
  return { host, end, api: createToruApi(host, end.signal) };
}

describe("the object for plugins", () => {
  it("is frozen, with the members of the specification and those that were added", () => {
    const { api } = setUp();
    expect(Object.isFrozen(api) && Object.isFrozen(api.plugin)).toBe(true);
    expect(Object.keys(api).toSorted()).toEqual([
      "fetch",
      "location",
      "navigate",
      "onLocationChange",
      "onThemeChange",
      "plugin",
      "showToast",
      "signal",
      "theme",
      "version",
    ]);
    expect(api).toMatchObject({ version: 1, plugin: { id: "hello", name: "Hello", version: "1.0.0" } });
  });

  it("asks below the plugin's own routes, with the session", async () => {
    const { api } = setUp();
    const fetched = serve(() => json({ ok: true }));
    await api.fetch("items?page=2#top");
    await api.fetch("/items", { method: "POST", credentials: "omit" });
    expect(fetched.mock.calls.map(([path]) => path)).toEqual(["/api/plugins/hello/items?page=2", "/api/plugins/hello/items"]);
    expect(fetched.mock.calls[1]?.[1]).toMatchObject({ method: "POST", credentials: "same-origin" });
  });

  it.each([
    "https://example.org/",
    "HTTPS:example.org",
    "//example.org/x",
    "javascript:alert(1)",
    "../other/items",
    "/../other",
    "items/../../../session",
    "%2e%2e/other",
    "/\\example.org",
    "..\\other",
    "/\t/example.org",
  ])("refuses to ask %s", async (path) => {
    const { api } = setUp();
    const fetched = serve(() => json({}));
    await expect(api.fetch(path)).rejects.toThrow(TypeError);
    expect(fetched).not.toHaveBeenCalled();
  });

  it("hands the response over as it is, and notices that the session is over", async () => {
    const { api, host } = setUp();
    const answer = problem(401, "unauthenticated");
    serve(() => answer);
    await expect(api.fetch("/x")).resolves.toBe(answer);
    expect(answer.bodyUsed).toBe(false);
    expect(host.onUnauthenticated).toHaveBeenCalledOnce();
  });

  it("ends requests with the visit, and with the plugin's own signal", async () => {
    const { api, end } = setUp();
    const fetched = serve(() => json({}));
    const own = new AbortController();
    await api.fetch("/a");
    await api.fetch("/b", { signal: own.signal });
    const [first, second] = fetched.mock.calls.map(([, init]) => init?.signal);
    own.abort();
    expect([first?.aborted, second?.aborted]).toEqual([false, true]);
    end.abort();
    expect(first?.aborted).toBe(true);
  });

  it("goes to pages inside of the plugin, and of the host when asked to", () => {
    const { api, host } = setUp();
    api.navigate("/items/1?x=1");
    api.navigate("items", { replace: true });
    api.navigate("/");
    api.navigate("host:/plugins");
    expect(host.navigate.mock.calls).toEqual([
      ["/p/hello/items/1?x=1", { replace: false }],
      ["/p/hello/items", { replace: true }],
      ["/p/hello", { replace: false }],
      ["/plugins", { replace: false }],
    ]);
  });

  it.each(["../other", "https://example.org", "//example.org", "host://example.org", "host:https://example.org", "host:plugins", "javascript:alert(1)"])(
    "refuses to go to %s",
    (to) => {
      const { api, host } = setUp();
      expect(() => api.navigate(to)).toThrow(TypeError);
      expect(host.navigate).not.toHaveBeenCalled();
    },
  );

  it("shows toasts of the known kinds, and of a bearable length", () => {
    const { api, host } = setUp();
    api.showToast("saved", "success");
    api.showToast("odd", "loud" as "info");
    api.showToast("x".repeat(2000));
    expect(host.showToast.mock.calls.slice(0, 2)).toEqual([
      ["saved", "success"],
      ["odd", "info"],
    ]);
    expect(host.showToast.mock.calls[2]?.[0]).toHaveLength(501);
  });

  it("tells changes of appearance and place until told to stop", () => {
    const { api, host } = setUp();
    const [themes, places]: [string[], string[]] = [[], []];
    const stop = api.onThemeChange((theme) => themes.push(theme));
    api.onLocationChange((place) => places.push(place));
    expect([api.theme, api.location]).toEqual(["light", "/items"]);
    host.theme.set("dark");
    host.location.set("/items/2");
    host.location.set("/items/2");
    stop();
    host.theme.set("light");
    expect([themes, places]).toEqual([["dark"], ["/items/2"]]);
    expect([api.theme, api.location]).toEqual(["light", "/items/2"]);
  });

  it("keeps a callback that throws from the others", () => {
    const { api, host } = setUp();
    const told = vi.fn<(place: string) => void>();
    api.onLocationChange(() => {
      throw new Error("no");
    });
    api.onLocationChange(told);
    host.location.set("/x");
    expect(told).toHaveBeenCalledWith("/x");
    expect(host.onWarning).toHaveBeenCalledOnce();
  });

  it("has no power after the visit", () => {
    const { api, host, end } = setUp();
    const told = vi.fn<(value: string) => void>();
    api.onThemeChange(told);
    api.onLocationChange(told);
    end.abort();
    host.theme.set("dark");
    host.location.set("/x");
    api.onThemeChange(told);
    host.theme.set("light");
    api.navigate("/x");
    api.showToast("x");
    expect(told).not.toHaveBeenCalled();
    expect(host.navigate).not.toHaveBeenCalled();
    expect(host.showToast).not.toHaveBeenCalled();
  });
});
