import { act, screen, waitFor, within } from "@testing-library/react";
import { describe, expect, it, vi } from "vitest";
import type { Server } from "../test/app";
import { start } from "../test/app";
import { json, problem } from "../test/http";
import { document as documentOf, licenseDocument, refusingDocument, runningDocument } from "../test/plugins";

const KEY = "toru1.ed25519.2026.UEFZTE9BRA.U0lHTkFUVVJF";
const stored = { masked: "toru1.ed25519.2026.…VVJF", source: "stored" };
const fromEnvironment = { masked: "toru1.ed25519.2026.…VVJF", source: "environment" };

interface Known {
  plugin?: Record<string, unknown>;
  license?: Record<string, unknown>;
  /** Answers a change; what is asked afterwards is told as it then is. */
  change?: (method: string, body: unknown) => Response | Promise<Response>;
}

/** The details of plugin `a`, of which the server knows that. */
function open(known: Known = {}, given: Partial<Server> = {}, address = "/plugins/a") {
  const state = { plugin: refusingDocument("a"), license: licenseDocument(), ...known };
  const sent: string[] = [];
  const app = start(address, {
    plugins: [state.plugin],
    ...given,
    answer: (method, url, init) => {
      if (url.pathname !== "/api/plugins/a/-/license") return undefined;
      if (method === "GET") return app.server.user?.role === "admin" ? json(state.license) : problem(403, "forbidden");
      sent.push(`${method} ${String(init.body ?? "")}`);
      return state.change?.(method, init.body);
    },
  });
  /** From now on the server tells this. Returns the plugin's document. */
  const become = (plugin: Record<string, unknown>, license: Record<string, unknown>) => {
    Object.assign(state, { plugin, license });
    app.server.plugins = [plugin];
    return json(plugin);
  };
  return { ...app, sent, state, become };
}

const card = () => screen.findByRole("region", { name: "Licence key" });
const field = () => screen.findByRole<HTMLTextAreaElement>("textbox", { name: "Key from the vendor" });
const button = (name: string) => screen.getByRole("button", { name });
const noField = () => screen.queryByRole("textbox") === null;
const alerts = () => screen.getAllByRole("alert").map((alert) => alert.textContent).join(" ");

async function give(app: ReturnType<typeof open>, key = KEY) {
  const input = await field();
  await app.user.click(input);
  await app.user.paste(key);
  await app.user.click(button("Save key"));
}

describe("the licence card", () => {
  it("asks for the key that a plugin misses, and tells what to send to the vendor", async () => {
    const write = vi.fn<(text: string) => Promise<void>>(() => Promise.resolve());
    const app = open();
    const input = await field();
    expect(input.getAttribute("autocomplete")).toBe("off");
    expect(input.getAttribute("spellcheck")).toBe("false");
    const shown = await card();
    expect(within(shown).getByText("0f0e0d0c-0b0a-4908-8706-050403020100")).toBeTruthy();
    expect(within(shown).getByText("TORU_LICENSE_A")).toBeTruthy();
    expect(within(shown).queryByRole("button", { name: "Cancel" })).toBeNull();
    vi.spyOn(navigator.clipboard, "writeText").mockImplementation(write);
    await app.user.click(button("Copy the id of this installation"));
    expect(write).toHaveBeenCalledWith("0f0e0d0c-0b0a-4908-8706-050403020100");
  });

  it("is one line and a button for a plugin that never asked", async () => {
    const app = open({ plugin: documentOf("a"), license: licenseDocument({ asked_for: false }) });
    const shown = await card();
    expect(shown.textContent).toBe("Licence keyPlugin a has not asked for a licence key.Enter a licence key");
    await app.user.click(button("Enter a licence key"));
    expect(document.activeElement).toBe(await field());
    await app.user.click(button("Cancel"));
    expect(noField()).toBe(true);
    expect(document.activeElement?.textContent).toBe("Licence key");
  });

  it("shows a key by its ends, and where it comes from", async () => {
    open({ plugin: runningDocument("a"), license: licenseDocument({ key: stored }) });
    const shown = await card();
    expect(within(shown).getByText(stored.masked)).toBeTruthy();
    expect(within(shown).getByText("Entered here")).toBeTruthy();
    expect(noField()).toBe(true);
    expect(button("Replace")).toBeTruthy();
    expect(button("Remove")).toBeTruthy();
  });

  it.each(["environment", "somewhere new"])("offers nothing for a key from the %s", async (source) => {
    open({ plugin: runningDocument("a"), license: licenseDocument({ key: { ...fromEnvironment, source } }) });
    const shown = await card();
    expect(within(shown).getByText("TORU_LICENSE_A")).toBeTruthy();
    expect(shown.textContent).toContain("Change the variable and start the server again.");
    expect(within(shown).queryByRole("textbox")).toBeNull();
    expect(within(shown).getAllByRole("button").map((one) => one.getAttribute("aria-label"))).toEqual(["Copy the id of this installation"]);
  });

  it.each([null, stored])("offers nothing when the state is read only, with the key %o", async (key) => {
    open({ license: licenseDocument({ key }) }, { read_only: true });
    const shown = await card();
    expect(shown.textContent).toContain("The recorded state is read only: the licence key cannot be changed here.");
    expect(noField()).toBe(true);
    expect(within(shown).queryByRole("button", { name: /Replace|Remove|Enter/ })).toBeNull();
    expect(screen.queryByRole("link", { name: "Enter licence key" })).toBeNull();
  });

  it("is not shown to users, who are not told anything to show", async () => {
    const app = open({}, { user: { name: "bob", role: "user" } });
    expect(await screen.findByRole("heading", { level: 1, name: "Plugin a" })).toBeTruthy();
    expect(screen.queryByRole("region", { name: "Licence key" })).toBeNull();
    expect(screen.queryByRole("link", { name: "Enter licence key" })).toBeNull();
    expect(app.fetched.mock.calls.some(([path]) => String(path).endsWith("/license"))).toBe(false);
  });

  it("is absent where the server knows nothing of licences, and says when they cannot be read", async () => {
    const app = start("/plugins/a", { plugins: [documentOf("a")] });
    expect(await screen.findByRole("heading", { level: 1, name: "Plugin a" })).toBeTruthy();
    expect(screen.queryByText(/licence key/i)).toBeNull();
    app.server.answer = (_method, url) => (url.pathname.endsWith("/license") ? problem(500, "internal", "out of paper") : undefined);
    await app.say("plugin", runningDocument("a"));
    expect((await screen.findByText("The licence key could not be read")).closest('[role="alert"]')?.textContent).toContain("Out of paper.");
  });

  it("is read again when the plugin's state changes", async () => {
    const app = open({ plugin: documentOf("a"), license: licenseDocument({ asked_for: false }) });
    await screen.findByText("Plugin a has not asked for a licence key.");
    app.become(refusingDocument("a"), licenseDocument());
    await app.say("plugin", refusingDocument("a"));
    expect(await field()).toBeTruthy();
  });
});

describe("giving a key", () => {
  it("sends it once, waits, and shows what became of it", async () => {
    let answer: (response: Response) => void = () => {};
    const app = open({ change: () => new Promise((resolve) => (answer = resolve)) });
    await give(app, `  ${KEY}\n`);
    const busy = await screen.findByRole("button", { name: "Saving…" });
    expect(busy.getAttribute("aria-disabled")).toBe("true");
    expect((await field()).readOnly).toBe(true);
    await app.user.click(busy);
    expect(app.sent).toEqual([`PUT ${JSON.stringify({ key: `  ${KEY}\n` })}`]);
    await act(async () => answer(app.become(runningDocument("a"), licenseDocument({ key: stored }))));
    expect(await screen.findByText("Running")).toBeTruthy();
    expect(await screen.findByText(stored.masked)).toBeTruthy();
    await waitFor(() => expect(noField()).toBe(true));
    expect(screen.getByText("The licence key is recorded. Plugin a is running.").closest('[role="status"]')).toBeTruthy();
    expect(document.activeElement?.textContent).toBe("Licence key");
  });

  it("says why the plugin does not accept it, and takes another one", async () => {
    const words = "the licence ended on 2026-01-31; ask the vendor for a new key";
    const refused = refusingDocument("a", "license_expired", words);
    const app = open({ change: () => app.become(refused, licenseDocument({ key: stored })) });
    await give(app);
    const alert = (await screen.findByText("Plugin a does not accept this key")).closest('[role="alert"]');
    expect(alert?.textContent).toContain("The licence ended on 2026-01-31; ask the vendor for a new key.");
    const input = await field();
    expect(input.value).toBe("");
    expect(document.activeElement).toBe(input);
    app.state.change = () => app.become(runningDocument("a"), licenseDocument({ key: stored }));
    await give(app);
    await waitFor(() => expect(noField()).toBe(true));
    expect(screen.queryByText("Plugin a does not accept this key")).toBeNull();
  });

  it.each([
    [400, "invalid_license", "a licence key has no control characters", "A licence key has no control characters."],
    [409, "license_from_environment", "the key comes from `TORU_LICENSE_A`", "The key comes from `TORU_LICENSE_A`."],
    [413, "body_too_large", "the body is too large for a licence key", "The body is too large for a licence key."],
  ])("says why the server did not take it, and leaves it to be mended: %i", async (status, code, detail, shown) => {
    const app = open({ change: () => problem(status, code, detail) });
    await give(app);
    await waitFor(() => expect(alerts()).toContain(shown));
    const input = await field();
    expect(input.value).toBe(KEY);
    expect(document.activeElement).toBe(input);
  });

  it("says when the server cannot be reached", async () => {
    const app = open({ change: () => Promise.reject(new TypeError("Failed to fetch")) });
    await give(app);
    await waitFor(() => expect(alerts()).toContain("The server cannot be reached."));
  });

  it("sends nothing that is empty", async () => {
    const app = open();
    await field();
    await app.user.click(button("Save key"));
    expect(app.sent).toEqual([]);
  });

  it("replaces a key, unless it is thought better of", async () => {
    const next = { masked: "toru1.ed25519.2027.…abcd", source: "stored" };
    const app = open({
      plugin: runningDocument("a"),
      license: licenseDocument({ key: stored }),
      change: () => app.become(runningDocument("a"), licenseDocument({ key: next })),
    });
    await card();
    await app.user.click(button("Replace"));
    expect(document.activeElement).toBe(await field());
    await app.user.click(button("Cancel"));
    expect(noField()).toBe(true);
    expect(app.sent).toEqual([]);
    await app.user.click(button("Replace"));
    await give(app);
    // The plugin's state is the same as before: the key is read again all the same.
    expect(await screen.findByText(next.masked)).toBeTruthy();
    expect(noField()).toBe(true);
  });

  it.each(["accepted", "refused by the plugin", "refused by the server"])("keeps the key nowhere when it is %s", async (outcome) => {
    const logged = (["log", "info", "warn", "error", "debug"] as const).map((level) => vi.spyOn(console, level));
    const app = open({
      change: () => {
        if (outcome === "refused by the server") return problem(507, "storage_full", "the disk is full");
        const plugin = outcome === "accepted" ? runningDocument("a") : refusingDocument("a", "license_expired", "it has ended");
        return app.become(plugin, licenseDocument({ key: stored }));
      },
    });
    await give(app);
    await waitFor(() => expect(screen.queryByRole("button", { name: "Saving…" })).toBeNull());
    // Negative control: it was there to be found.
    expect(app.sent.join()).toContain(KEY);
    const kept = (value: unknown) => JSON.stringify(value, (_name, part: unknown) => (part instanceof Node ? part.textContent : part));
    const mutations = app.client.getMutationCache().getAll();
    expect(mutations.length).toBeGreaterThan(0);
    const secrets = KEY.split(".").slice(3);
    for (const secret of secrets) {
      expect(kept(mutations.map((one) => one.state))).not.toContain(secret);
      expect(kept(app.client.getQueryCache().getAll().map((one) => [one.queryKey, one.state]))).not.toContain(secret);
      expect(kept(logged.map((spy) => spy.mock.calls))).not.toContain(secret);
      expect(kept([{ ...localStorage }, { ...sessionStorage }, location.href])).not.toContain(secret);
      expect(app.container.ownerDocument.documentElement.innerHTML).not.toContain(secret);
    }
    const values = screen.queryAllByRole<HTMLTextAreaElement>("textbox").map((one) => one.value);
    // What nobody has taken can be mended where it was pasted.
    expect(values.join()).toBe(outcome === "refused by the server" ? KEY : "");
  });
});

describe("removing a key", () => {
  const known = () => ({ plugin: runningDocument("a"), license: licenseDocument({ key: stored }) });

  it("asks before it does, and goes back", async () => {
    const app = open(known());
    await card();
    await app.user.click(button("Remove"));
    const question = screen.getByRole("group", { name: "Remove the licence key?" });
    expect(question.textContent).toContain("Plugin a may stop working without it. What it has stored stays.");
    expect(document.activeElement).toBe(button("Remove key"));
    await app.user.click(button("Keep it"));
    expect(screen.queryByRole("group", { name: "Remove the licence key?" })).toBeNull();
    expect(app.sent).toEqual([]);
    expect(button("Remove")).toBeTruthy();
  });

  it("shows that the plugin fails without it, and asks for another one", async () => {
    let answer: (response: Response) => void = () => {};
    const app = open({ ...known(), change: () => new Promise((resolve) => (answer = resolve)) });
    await card();
    await app.user.click(button("Remove"));
    await app.user.click(button("Remove key"));
    const busy = await screen.findByRole("button", { name: "Removing…" });
    await app.user.click(busy);
    expect(app.sent).toEqual(["DELETE "]);
    await act(async () => answer(app.become(refusingDocument("a"), licenseDocument())));
    expect(await field()).toBeTruthy();
    expect(screen.getByText("The licence key is removed. There is no licence key.").closest('[role="status"]')).toBeTruthy();
    expect(screen.getByText("Failed to start", { selector: "p" })).toBeTruthy();
    expect(document.activeElement?.textContent).toBe("Licence key");
  });

  it("says why it was not removed", async () => {
    const app = open({ ...known(), change: () => problem(507, "storage_full", "the disk is full") });
    await card();
    await app.user.click(button("Remove"));
    await app.user.click(button("Remove key"));
    await waitFor(() => expect(alerts()).toContain("The disk is full."));
    expect(screen.getByText(stored.masked)).toBeTruthy();
    expect(button("Remove key").getAttribute("aria-disabled")).not.toBe("true");
  });
});

describe("a plugin that fails for its licence", () => {
  it("leads from the failure to the field, each time", async () => {
    const app = open();
    const input = await field();
    for (let count = 0; count < 2; count += 1) {
      await app.user.click(screen.getByRole("link", { name: "Enter licence key" }));
      await waitFor(() => expect(document.activeElement).toBe(input));
    }
  });

  it("leads from a key that is not accepted to a field for another one", async () => {
    const plugin = refusingDocument("a", "license_expired", "it has ended");
    const app = open({ plugin, license: licenseDocument({ key: stored }) });
    await card();
    expect(noField()).toBe(true);
    await app.user.click(screen.getByRole("link", { name: "Enter licence key" }));
    const input = await field();
    await waitFor(() => expect(document.activeElement).toBe(input));
  });

  it("leads from its key in the environment to where that is told", async () => {
    const plugin = refusingDocument("a", "license_expired", "it has ended");
    const app = open({ plugin, license: licenseDocument({ key: fromEnvironment }) });
    await card();
    await app.user.click(screen.getByRole("link", { name: "Enter licence key" }));
    await waitFor(() => expect(document.activeElement?.textContent).toBe("Licence key"));
  });

  it("leads from the list to the field, also when what it shows is known already", async () => {
    const app = open({}, {}, "/plugins");
    for (let count = 0; count < 2; count += 1) {
      const link = await screen.findByRole("link", { name: "Enter licence key of Plugin a" });
      await app.user.click(link);
      const input = await field();
      await waitFor(() => expect(document.activeElement).toBe(input));
      await app.user.click(screen.getByRole("link", { name: "All plugins" }));
    }
  });

  it.each([
    ["users", { user: { name: "bob", role: "user" } as const }],
    ["anybody when the state is read only", { read_only: true }],
  ])("offers no way in the list to %s", async (_whom, given) => {
    open({}, given, "/plugins");
    expect(await screen.findByRole("article", { name: "Plugin a" })).toBeTruthy();
    expect(screen.queryByRole("link", { name: /Enter licence key/ })).toBeNull();
  });

  it("is told from one that fails for another reason", async () => {
    const plugin = refusingDocument("a", "init_failed", "the battery is empty");
    open({ plugin, license: licenseDocument({ asked_for: false }) });
    await card();
    expect(screen.getByRole("button", { name: "Start again" })).toBeTruthy();
    expect(screen.queryByRole("link", { name: "Enter licence key" })).toBeNull();
  });
});
