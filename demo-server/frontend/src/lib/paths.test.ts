import { describe, expect, it } from "vitest";
import { plugin, running } from "../test/plugins";
import { insideOf, pluginAt, pluginPage, resolveFetch, resolveNavigation, routeRivals } from "./paths";

const route = (id: string, path: string | null) => ({ metadata: { id, name: id, route: path } });

describe("addresses of plugins", () => {
  it("follow their routes, and their ids where there is none", () => {
    const a = running("a", route("a", "/tools"));
    const none = running("b", route("b", null));
    expect(pluginPage(a, [a, none])).toBe("/p/tools");
    expect(pluginPage(none, [a, none])).toBe("/p/~b");
    expect(pluginAt("/p/~b/x", [a, none])).toEqual({ plugin: none, root: "/p/~b" });
  });

  it("are none for a plugin that runs without a page, with a route or without", () => {
    for (const path of [null, "/x"]) {
      const silent = running("a", { ...route("a", path), bundle_url: null });
      expect(pluginPage(silent, [silent])).toBeNull();
    }
  });

  it("differ for plugins with the same route: the first running one by id has it", () => {
    const off = plugin("a", route("a", "/x"));
    const b = running("b", route("b", "/x"));
    const c = running("c", route("c", "/x"));
    const all = [c, off, b];
    expect(pluginPage(b, all)).toBe("/p/x");
    expect(pluginPage(c, all)).toBe("/p/~c");
    expect(pluginAt("/p/x", all)?.plugin.id).toBe("b");
    expect(pluginAt("/p/x/1", all, "c")).toEqual({ plugin: c, root: "/p/x" });
    expect(pluginAt("/p/y", all, "c")).toBeNull();
    expect(routeRivals(b, all)).toEqual([c]);
  });

  it("belong to the longest route, and to whole segments only", () => {
    const outer = running("a", route("a", "/x"));
    const inner = running("b", route("b", "/x/y"));
    const all = [outer, inner];
    expect(pluginAt("/p/x/y/z", all)?.plugin.id).toBe("b");
    expect(pluginAt("/p/x/yy", all)?.plugin.id).toBe("a");
    expect(pluginAt("/p/xx", all)).toBeNull();
    expect(pluginAt("/p/~nobody", all)).toBeNull();
  });

  it("hold a place inside of the plugin", () => {
    const at = (pathname: string, search = "", hash = "") => insideOf("/p/x", { pathname, search, hash });
    expect([at("/p/x"), at("/p/x/"), at("/p/x/items/1", "?a=1", "#b")]).toEqual(["/", "/", "/items/1?a=1#b"]);
  });
});

describe("what plugins fetch", () => {
  it.each(["enable", "/disable", "bundle.js?v=1", "-/storage", "/-", "x/../enable", "./-/scan", "%65nable", "%2d/x", "%ff"])(
    "is never what the host answers in the plugin's place: %s",
    (path) => {
      expect(() => resolveFetch("a", path)).toThrow("the host's own");
    },
  );

  it.each(["enabled", "/x/enable", "bundle.json", "-x/y", "", "?enable", "%C3%A4", "a%20b"])("may be anything else: %s", (path) => {
    expect(resolveFetch("a", path)).toMatch(/^\/api\/plugins\/a\//);
  });

  it.each(["x%2fy", "..%2Fb", "x%5C", "%5cx"])("has no encoded slashes: %s", (path) => {
    expect(() => resolveFetch("a", path)).toThrow("encoded slash");
  });

  it("may have them in its query", () => {
    expect(resolveFetch("a", "x?to=%2Fy")).toBe("/api/plugins/a/x?to=%2Fy");
  });
});

describe("where plugins lead", () => {
  it.each(["host:/.//evil", "host:/x/..//evil.example/y", "host://evil", "host:/\\evil"])("is never another host: %s", (to) => {
    expect(() => resolveNavigation("/p/a", to)).toThrow("not a page of the host");
  });

  it("may be a page of the host with slashes inside", () => {
    expect(resolveNavigation("/p/a", "host:/plugins//x")).toBe("/plugins//x");
  });
});
