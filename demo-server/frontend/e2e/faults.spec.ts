/** Scripts of plugins that do not do what they should: the interface says what went wrong, and goes on. */

import { compile } from "./support/libraries";
import { script, seen } from "./support/scripts";
import type { Parts } from "./support/scripts";
import { expect, test, ui } from "./support/test";
import type { Page } from "./support/test";

const good = () => compile({ id: "good", bundle: script("good") });
const goodIsShown = async (page: Page) => {
  await ui.entry(page, "good").click();
  await expect(page.getByRole("heading", { name: "Page of good" })).toBeVisible();
};

interface Fault {
  what: string;
  bundle?: string;
  parts?: Parts;
  /** What the server answers instead of the script. */
  answer?: { status: number; contentType: string; body: string };
  title: string;
  words: RegExp;
  /** What the browser's console says too. */
  console?: RegExp;
}

const problem = (status: number, code: string) => ({
  status,
  contentType: "application/problem+json",
  body: JSON.stringify({ type: "about:blank", title: "No", status, code, detail: "no" }),
});

const faults: Fault[] = [
  {
    what: "is not found",
    answer: problem(404, "not_found"),
    title: "bad failed while loading its script",
    words: /The server has no script for this plugin/,
    console: /status of 404/,
  },
  {
    what: "meets an error of the server",
    answer: problem(500, "internal"),
    title: "bad failed while loading its script",
    words: /answered with status 500/,
    console: /status of 500/,
  },
  {
    what: "is a page of HTML",
    answer: { status: 200, contentType: "text/html; charset=utf-8", body: "<!doctype html><title>Sign in</title>" },
    title: "bad failed while loading its script",
    words: /answered with "text\/html; charset=utf-8" where a script was expected/,
    console: /MIME type|integrity/,
  },
  {
    what: "is not the script that was announced",
    answer: { status: 200, contentType: "text/javascript", body: "window.hacked = true;" },
    title: "bad failed while loading its script",
    words: /not the one that the server has announced/,
    console: /integrity/,
  },
  {
    what: "cannot be parsed",
    bundle: "window.ToruPlugins = {\n",
    title: "bad failed while running its script",
    words: /SyntaxError: Unexpected end of input \(line 2, column \d+\)/,
    console: /SyntaxError/,
  },
  {
    what: "throws when it is evaluated",
    parts: { first: `throw new Error("no fuel");` },
    title: "bad failed while running its script",
    words: /Error: no fuel \(line 4, column \d+\)/,
    console: /no fuel/,
  },
  {
    what: "registers under another id",
    parts: { registerAs: "worse" },
    title: "bad failed while registering",
    words: /registered as "worse", expected "bad"/,
  },
  {
    what: "registers nothing",
    bundle: "void 0;",
    title: "bad failed while registering",
    words: /registered nothing; expected window\.ToruPlugins\["bad"\]/,
  },
  {
    what: "has no mount",
    bundle: `(window.ToruPlugins ??= {}).bad = { unmount() {} };`,
    title: "bad failed while registering",
    words: /has no function "mount"/,
  },
  {
    what: "throws when it is mounted",
    parts: { mount: `container.textContent = "half done"; throw new Error("out of paper");` },
    title: "bad failed while showing its page",
    words: /could not show its page: out of paper/,
  },
  {
    what: "rejects when it is mounted",
    parts: { mount: `return Promise.reject("no reason");` },
    title: "bad failed while showing its page",
    words: /could not show its page: no reason/,
  },
];

for (const { what, bundle, parts, answer, title, words, console } of faults) {
  test(`a script that ${what}`, async ({ launch, visit, trouble }) => {
    if (console) trouble.provoke(console);
    const bad = await compile({ id: "bad", bundle: bundle ?? script("bad", parts) });
    const server = await launch({ plugins: [bad, await good()], enabled: ["bad", "good"] });
    const page = await visit(server, "/plugins");
    if (answer) await page.route("**/api/plugins/bad/bundle.js*", (route) => route.fulfill(answer));
    await ui.entry(page, "bad").click();

    const failure = ui.failure(page);
    await expect(failure.getByRole("heading", { name: title })).toBeVisible();
    await expect(failure).toContainText(words);
    await expect(page.getByText("half done")).toHaveCount(0);
    expect(await page.evaluate(() => "hacked" in window)).toBe(false);
    await failure.getByText("Details for its author").click();
    await expect(failure.locator("pre")).toContainText("plugin: bad 1.0.0");
    await goodIsShown(page);

    // Back there, and from there to disabling it.
    await ui.entry(page, "bad").click();
    await failure.getByRole("button", { name: "Disable" }).click();
    await expect(page.getByText("bad was disabled while you had it open")).toBeVisible();
    await expect(ui.entry(page, "bad")).toHaveCount(0);
  });
}

test("trying again really tries again", async ({ launch, visit, trouble }) => {
  trouble.provoke(/status of 500/);
  const bad = await compile({ id: "bad", bundle: script("bad") });
  const server = await launch({ plugins: [bad], enabled: ["bad"] });
  const page = await visit(server, "/plugins");
  await page.route("**/api/plugins/bad/bundle.js*", (route) => route.fulfill(problem(500, "internal")));
  await ui.entry(page, "bad").click();
  await expect(ui.failure(page)).toBeVisible();
  await page.unrouteAll();
  await ui.failure(page).getByRole("button", { name: "Retry" }).click();
  await expect(page.getByRole("heading", { name: "Page of bad" })).toBeVisible();
});

test("a script that never arrives", async ({ launch, visit, trouble }) => {
  trouble.provoke(/ERR_FAILED|ERR_ABORTED/);
  const bad = await compile({ id: "bad", bundle: script("bad") });
  const server = await launch({ plugins: [bad, await good()], enabled: ["bad", "good"] });
  const page = await visit(server, "/plugins", { clock: true });
  await page.route("**/api/plugins/bad/bundle.js*", () => {});
  await ui.entry(page, "bad").click();
  await expect(page.getByRole("region", { name: "bad" })).toHaveAttribute("aria-busy", "true");
  await page.clock.fastForward(1100);
  await expect(page.getByText("bad is taking longer than usual")).toBeVisible();
  await page.clock.fastForward(15_000);
  await expect(ui.failure(page)).toContainText("did not arrive within 15 seconds");
  await goodIsShown(page);
});

test("a mount that never ends", async ({ launch, visit }) => {
  const bad = await compile({ id: "bad", bundle: script("bad", { mount: "return new Promise(() => {});" }) });
  const server = await launch({ plugins: [bad, await good()], enabled: ["bad", "good"] });
  const page = await visit(server, "/p/bad", { clock: true });
  await expect.poll(() => page.evaluate(seen)).toEqual(["mount bad"]);
  await page.clock.fastForward(1100);
  await expect(page.getByText("bad is taking longer than usual")).toBeVisible();
  await page.clock.fastForward(10_000);
  await expect(ui.failure(page)).toContainText("did not show its page within 10 seconds");
  // It had its chance to let go of what it holds.
  await expect.poll(() => page.evaluate(seen)).toEqual(["mount bad", "unmount bad"]);
  await goodIsShown(page);
});

test("an unmount that throws is nobody else's business", async ({ launch, visit }) => {
  const bad = await compile({ id: "bad", bundle: script("bad", { unmount: `throw new Error("stuck");` }) });
  const server = await launch({ plugins: [bad, await good()], enabled: ["bad", "good"] });
  const page = await visit(server, "/p/bad");
  await expect(page.getByRole("heading", { name: "Page of bad" })).toBeVisible();
  const warning = page.waitForEvent("console", (message) => message.type() === "warning");
  await goodIsShown(page);
  expect((await warning).text()).toContain("plugin bad: unmount() failed");
  await expect(page.locator("[data-toru-plugin]")).toHaveCount(1);
  await ui.entry(page, "bad").click();
  await expect(page.getByRole("heading", { name: "Page of bad" })).toBeVisible();
});

test("an unmount that never ends holds up its own plugin alone, and that not for ever", async ({ launch, visit }) => {
  const bad = await compile({ id: "bad", bundle: script("bad", { unmount: "return new Promise(() => {});" }) });
  const server = await launch({ plugins: [bad, await good()], enabled: ["bad", "good"] });
  const page = await visit(server, "/p/bad", { clock: true });
  await expect(page.getByRole("heading", { name: "Page of bad" })).toBeVisible();
  await goodIsShown(page);
  await ui.entry(page, "bad").click();
  await page.clock.fastForward(3100);
  await expect(page.getByRole("heading", { name: "Page of bad" })).toBeVisible();
  await expect.poll(() => page.evaluate(seen)).toEqual(["mount bad", "unmount bad", "mount good", "unmount good", "mount bad"]);
});

test("a plugin that takes the page apart leaves the rest usable", async ({ launch, visit }) => {
  const mount = `
    container.parentElement.replaceChildren();
    document.title = "mine";
    const style = document.createElement("style");
    style.textContent = "button { border-width: 0 }";
    document.head.append(style);
    window.ToruPlugins = Object.freeze({});`;
  const bad = await compile({ id: "bad", bundle: script("bad", { mount }) });
  const server = await launch({ plugins: [bad, await good()], enabled: ["bad", "good"] });
  const page = await visit(server, "/p/bad");
  await expect.poll(() => page.evaluate(seen)).toEqual(["mount bad"]);
  await goodIsShown(page);
  await expect(page).toHaveTitle("good · Toru");
});

test("a script of 20 MiB is shown like any other", async ({ launch, visit }) => {
  const bundle = script("large");
  const server = await launch({ plugins: [await compile({ id: "large", bundle })], enabled: ["large"] });
  const page = await visit(server, "/plugins");
  // The digest would not be right for what is sent instead.
  await page.route("**/api/plugins", async (route) => {
    const response = await route.fetch();
    const list = (await response.json()) as { plugins: { bundle_sha256: string | null }[] };
    for (const plugin of list.plugins) plugin.bundle_sha256 = null;
    await route.fulfill({ response, json: list });
  });
  await page.route("**/api/plugin-events", () => {});
  const padding = `/*${"x".repeat(20 * 1024 * 1024)}*/`;
  await page.route("**/api/plugins/large/bundle.js*", (route) => route.fulfill({ contentType: "text/javascript", body: padding + bundle }));
  await page.reload();
  await ui.entry(page, "large").click();
  await expect(page.getByRole("heading", { name: "Page of large" })).toBeVisible();
});
