import { act, screen, waitFor } from "@testing-library/react";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { ToruApi } from "toru-plugin-ui";
import { forgetBundles } from "../lib/plugin-bundle";
import { start } from "../test/app";
import { document as documentOf, runningDocument } from "../test/plugins";
import { catchScripts, settled } from "../test/scripts";
import type { Injected } from "../test/scripts";

let scripts: Injected[];
let calls: string[];
let api: ToruApi;

beforeEach(() => {
  calls = [];
  forgetBundles();
  delete window.ToruPlugins;
  scripts = catchScripts();
});

afterEach(() => {
  vi.restoreAllMocks();
});

async function arrive(text: string): Promise<void> {
  await waitFor(() => expect(scripts.length).toBeGreaterThan(0));
  await act(async () => {
    scripts.at(-1)?.load({
      hello: {
        mount(container: HTMLElement, given: ToruApi) {
          calls.push(`mount at ${given.location}`);
          api = given;
          container.textContent = text;
        },
        unmount(container: HTMLElement) {
          calls.push(`unmount ${container.isConnected ? "in" : "out of"} the page`);
        },
      },
    });
    await settled();
  });
}

const bundle = (version: number) => ({ bundle_url: `/api/plugins/hello/bundle.js?v=${version}` });

describe("the page of a plugin", () => {
  it("mounts once at a deep link, follows moves, and unmounts inside of the page", async () => {
    const app = start("/p/hello/items?x=1", { plugins: [runningDocument("hello"), runningDocument("other")] });
    await arrive("the page");
    expect(screen.getByRole("region", { name: "Plugin hello" }).textContent).toBe("the page");
    expect(document.title).toBe("Plugin hello · Toru");
    const places: string[] = [];
    api.onLocationChange((place) => places.push(place));
    await act(async () => api.navigate("/items/2"));
    expect(places).toEqual(["/items/2"]);
    expect(api.location).toBe("/items/2");
    await app.user.click(screen.getByRole("link", { name: "Plugins" }));
    await waitFor(() => expect(document.activeElement?.textContent).toBe("Plugins"));
    expect(calls).toEqual(["mount at /items?x=1", "unmount in the page"]);
    expect(scripts).toHaveLength(1);
  });

  it("ends when the plugin is disabled elsewhere, says so, and waits to be opened again", async () => {
    const app = start("/p/hello", { plugins: [runningDocument("hello")] });
    await arrive("the page");
    await app.say("plugin", documentOf("hello"));
    expect(calls).toEqual(["mount at /", "unmount in the page"]);
    expect(screen.getByText("Plugin hello was disabled while you had it open")).toBeTruthy();
    expect(screen.getByRole("link", { name: "See its details" }).getAttribute("href")).toBe("/plugins/hello");
    await app.say("plugin", runningDocument("hello"));
    await app.user.click(screen.getByRole("button", { name: "Open" }));
    await waitFor(() => expect(calls.at(-1)).toBe("mount at /"));
  });

  it("offers a new version, and keeps the old one until then", async () => {
    const app = start("/p/hello", { plugins: [runningDocument("hello", bundle(1))] });
    await arrive("the old page");
    await app.say("plugin", runningDocument("hello", bundle(2)));
    expect(screen.getByText("A new version is ready")).toBeTruthy();
    expect(calls).toEqual(["mount at /"]);
    await app.user.click(screen.getByRole("button", { name: "Reload view" }));
    await arrive("the new page");
    expect(screen.getByText("the new page")).toBeTruthy();
    expect(screen.queryByText("A new version is ready")).toBeNull();
    expect(calls).toEqual(["mount at /", "unmount in the page", "mount at /"]);
  });

  it("offers a new version also when the plugin was stopped for it", async () => {
    const app = start("/p/hello", { plugins: [runningDocument("hello", bundle(1))] });
    await arrive("the old page");
    await app.say("plugin", documentOf("hello"));
    await app.say("plugin", runningDocument("hello", bundle(2)));
    await app.user.click(screen.getByRole("button", { name: "Reload view" }));
    await arrive("the new page");
    expect(screen.getByText("the new page")).toBeTruthy();
  });

  it("does not pass to another plugin with the same route while it is open", async () => {
    const metadata = { id: "rival", name: "Rival", version: "1.0.0", route: "/hello" };
    const app = start("/p/hello", { plugins: [runningDocument("hello"), runningDocument("rival", { metadata })] });
    await arrive("the page");
    await app.say("plugin", documentOf("hello"));
    expect(screen.getByText("Plugin hello was disabled while you had it open")).toBeTruthy();
    await app.user.click(screen.getByRole("link", { name: "Rival" }));
    expect(screen.getByRole("heading", { level: 1, name: "Rival" })).toBeTruthy();
  });

  it("shows a card when it fails, from which one can try again", async () => {
    const app = start("/p/hello", { plugins: [runningDocument("hello")] });
    await waitFor(() => expect(scripts).toHaveLength(1));
    await act(async () => {
      scripts[0]?.throws("no luck", 3);
      await settled();
    });
    expect(screen.getByRole("heading", { name: "Plugin hello failed while running its script" })).toBeTruthy();
    expect(screen.getByRole("button", { name: "Disable" })).toBeTruthy();
    expect(screen.getByRole("link", { name: "Back to plugins" })).toBeTruthy();
    await app.user.click(screen.getByRole("button", { name: "Retry" }));
    await waitFor(() => expect(scripts).toHaveLength(2));
    await arrive("the page");
    expect(screen.getByText("the page")).toBeTruthy();
  });

  it("offers users no way to disable what failed", async () => {
    start("/p/hello", { user: { name: "bob", role: "user" }, plugins: [runningDocument("hello")] });
    await waitFor(() => expect(scripts).toHaveLength(1));
    await act(async () => {
      scripts[0]?.load();
      await settled();
    });
    expect(screen.getByRole("button", { name: "Retry" })).toBeTruthy();
    expect(screen.queryByRole("button", { name: "Disable" })).toBeNull();
  });

  it("says why there is nothing to show", async () => {
    const app = start("/p/hello", { plugins: [documentOf("hello")] });
    expect(await screen.findByText("Plugin hello is disabled")).toBeTruthy();
    await app.say("plugin", runningDocument("hello", { bundle_url: null }));
    expect(screen.getByText("Plugin hello has no page of its own")).toBeTruthy();
    await app.say("removed", { id: "hello" });
    expect(screen.getByRole("heading", { name: "No plugin here" })).toBeTruthy();
  });
});
