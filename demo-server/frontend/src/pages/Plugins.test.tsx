import { act, screen, waitFor, within } from "@testing-library/react";
import { describe, expect, it } from "vitest";
import { start } from "../test/app";
import { json, problem } from "../test/http";
import { document as documentOf, runningDocument } from "../test/plugins";

/** An answer that a test gives when it likes. */
function later() {
  let give: (response: Response) => void = () => {};
  const promise = new Promise<Response>((resolve) => {
    give = resolve;
  });
  return { promise, give: (response: Response) => act(async () => give(response)) };
}

const checked = (element: HTMLElement) => element.getAttribute("aria-checked");

describe("switching a plugin", () => {
  it("shows the wish at once, is busy meanwhile, and shows it in the sidebar when it runs", async () => {
    const answer = later();
    const app = start("/plugins", {
      plugins: [documentOf("a")],
      answer: (_method, url) => (url.pathname === "/api/plugins/a/enable" ? answer.promise : undefined),
    });
    const toggle = await screen.findByRole("switch", { name: "Enable Plugin a" });
    expect(checked(toggle)).toBe("false");
    expect(screen.queryByRole("list", { name: "Your plugins" })).toBeNull();
    await app.user.click(toggle);
    await waitFor(() => expect(checked(toggle)).toBe("true"));
    expect(toggle.getAttribute("aria-busy")).toBe("true");
    expect(screen.getByText("Starting")).toBeTruthy();
    await answer.give(json(runningDocument("a")));
    await waitFor(() => expect(toggle.getAttribute("aria-busy")).toBe("false"));
    const list = screen.getByRole("list", { name: "Your plugins" });
    expect(within(list).getByRole("link", { name: "Plugin a" }).getAttribute("href")).toBe("/p/a");
  });

  it("takes the wish back when it fails, and says so at once", async () => {
    const answer = later();
    // Once the list was read it is not told again: what is taken back is so by the page itself.
    const silence = new Promise<Response>(() => {});
    let isSilent = false;
    const app = start("/plugins", {
      plugins: [documentOf("a"), documentOf("b")],
      answer: (_method, url) => {
        if (url.pathname === "/api/plugins/a/enable") return answer.promise;
        return isSilent && url.pathname === "/api/plugins" ? silence : undefined;
      },
    });
    const toggle = await screen.findByRole("switch", { name: "Enable Plugin a" });
    await app.user.click(toggle);
    await waitFor(() => expect(checked(toggle)).toBe("true"));
    // What happens to others meanwhile is not taken back with it.
    await app.say("plugin", runningDocument("b"));
    isSilent = true;
    await answer.give(problem(507, "storage_full", "the disk is full"));
    await waitFor(() => expect(checked(toggle)).toBe("false"));
    expect(toggle.getAttribute("aria-busy")).toBe("false");
    expect(checked(screen.getByRole("switch", { name: "Enable Plugin b" }))).toBe("true");
    const alerts = screen.getAllByRole("alert").map((alert) => alert.textContent);
    expect(alerts).toContain("Plugin a could not be enabled. The disk is full.");
  });

  it("shows why a plugin did not start, as the server tells it afterwards", async () => {
    const app = start("/plugins", { plugins: [documentOf("a")] });
    const error = { code: "init_failed", message: "the plugin refused to start: no key", stage: "init" };
    app.server.answer = (method) => {
      if (method !== "POST") return undefined;
      app.server.plugins = [documentOf("a", { status: { desired: "enabled", state: "failed", error, generation: 1, since: 5 } })];
      return problem(422, "init_failed", error.message);
    };
    await app.user.click(await screen.findByRole("switch", { name: "Enable Plugin a" }));
    expect(await screen.findByText("Failed to start")).toBeTruthy();
    const card = screen.getByRole("article", { name: "Plugin a" });
    expect(within(card).getByText("The plugin refused to start: no key.")).toBeTruthy();
  });
});

describe("the list", () => {
  it("follows the stream, through one connection", async () => {
    const app = start("/plugins", { plugins: [documentOf("a")] });
    await screen.findByText("Disabled");
    expect(app.streams()).toHaveLength(1);
    await app.say("plugin", runningDocument("a"));
    expect(screen.getByText("Running")).toBeTruthy();
    await app.say("removed", { id: "a" });
    expect(screen.getByText("No plugins yet")).toBeTruthy();
    await app.say("snapshot", { plugins: [runningDocument("b")] });
    expect(screen.getByRole("article", { name: "Plugin b" })).toBeTruthy();
  });

  it("goes to the sign-in page when the session ends", async () => {
    const app = start("/plugins", { plugins: [documentOf("a")] });
    await app.user.click(await screen.findByRole("button", { name: "Scan now" }));
    app.server.answer = () => problem(401, "unauthenticated");
    await app.user.click(screen.getByRole("button", { name: "Scan now" }));
    expect(await screen.findByRole("heading", { name: "Sign in" })).toBeTruthy();
    expect(app.streams()).toHaveLength(0);
  });

  it("offers users neither switches nor a scan", async () => {
    start("/plugins", { user: { name: "bob", role: "user" }, plugins: [documentOf("a")] });
    expect(await screen.findByRole("article", { name: "Plugin a" })).toBeTruthy();
    expect(screen.queryByRole("switch")).toBeNull();
    expect(screen.queryByRole("button", { name: "Scan now" })).toBeNull();
  });

  it("cannot be changed when the state is read only", async () => {
    start("/plugins", { plugins: [documentOf("a")], read_only: true });
    const toggle = await screen.findByRole("switch", { name: "Enable Plugin a" });
    expect(toggle.getAttribute("aria-disabled") ?? toggle.getAttribute("data-disabled")).not.toBeNull();
    expect(screen.getByText("Read only")).toBeTruthy();
  });

  it("finds plugins by what is written on them", async () => {
    const app = start("/plugins", { plugins: [documentOf("a"), documentOf("b")] });
    const search = await screen.findByRole("searchbox", { name: "Search plugins" });
    await app.user.type(search, "PLUGIN B");
    await waitFor(() => expect(screen.queryByRole("article", { name: "Plugin a" })).toBeNull());
    expect(screen.getByText("1 of 2 plugins found")).toBeTruthy();
    await app.user.type(search, "zzz");
    expect(await screen.findByText("No plugin matches")).toBeTruthy();
  });

  it("names files that are no plugins, and why", async () => {
    const rejected = [{ file: "notes.txt", code: "not_a_library", message: "the file is not a library" }];
    start("/plugins", { rejected });
    expect(await screen.findByText("notes.txt")).toBeTruthy();
    expect(screen.getByText("The file is not a library.")).toBeTruthy();
  });

  it("shows hostile texts as texts", async () => {
    const text = '<img src=x onerror="alert(1)">';
    const metadata = { id: "a", name: text, version: text, author: text, icon: text, description: text, route: null };
    const error = { code: text, message: text, stage: text };
    const status = { desired: "enabled", state: "failed", error, generation: 1, since: 1 };
    const { container } = start("/plugins/a", { plugins: [documentOf("a", { metadata, status, warnings: [text] })] });
    expect(await screen.findByRole("heading", { level: 1, name: text })).toBeTruthy();
    expect(container.querySelector("img")).toBeNull();
  });
});
