/** The interface for people who see little, hear instead of see, or use no mouse. */

import { AxeBuilder } from "@axe-core/playwright";
import { compile, hello, licensed } from "./support/libraries";
import { issue } from "./support/licenses";
import { script } from "./support/scripts";
import { ADMIN } from "./support/server";
import type { Server } from "./support/server";
import { expect, test, ui } from "./support/test";
import type { Page } from "./support/test";

const WCAG_AA = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"];

async function isClean(page: Page, what: string): Promise<void> {
  const { violations } = await new AxeBuilder({ page }).withTags(WCAG_AA).analyze();
  const found = violations.flatMap(({ id, help, nodes }) => nodes.map(({ html }) => `${id}: ${help}: ${html}`));
  expect.soft(found, `${what}: see https://dequeuniversity.com/rules/axe for each rule`).toEqual([]);
}

async function everyState(launch: (options: object) => Promise<Server>): Promise<Server> {
  const plugins = [
    hello,
    licensed,
    await compile({ id: "off", name: "Off", description: "Rests", icon: "🌙" }),
    await compile({ id: "weak", name: "Weak", failure: "the battery is empty" }),
    await compile({ id: "torn", name: "Torn", bundle: script("torn", { mount: `throw new Error("out of paper");` }) }),
    await compile({ id: "quiet", name: "Quiet" }),
  ];
  const server = await launch({ plugins, enabled: ["hello", "torn", "quiet"] });
  for (const id of ["weak", "licensed"]) await server.enable(id).catch(() => {});
  await server.put("text.so", "this is no library\n");
  await server.scan();
  return server;
}

for (const colorScheme of ["light", "dark"] as const) {
  test(`no page has anything against WCAG 2 AA in the ${colorScheme} theme`, async ({ launch, visit, trouble }) => {
    test.slow();
    trouble.provoke(/status of 40[14]/);
    const server = await everyState(launch);
    const signIn = await visit(server, "/login", { as: null, colorScheme });
    await expect(ui.heading(signIn, "Sign in")).toBeVisible();
    await isClean(signIn, "signing in");
    await signIn.getByLabel("User name").fill("admin");
    await signIn.getByLabel("Password").fill("wrong");
    await signIn.getByRole("button", { name: "Sign in" }).click();
    await expect(signIn.getByRole("alert").filter({ hasText: "wrong" })).toBeVisible();
    await isClean(signIn, "a wrong password");

    const page = await visit(server, "/plugins", { colorScheme });
    const pages: [path: string, what: string, shown: () => Promise<void>][] = [
      ["/plugins", "the list", () => expect(ui.card(page, "Weak")).toContainText("Failed to start")],
      ["/plugins/hello", "details of a running plugin", () => expect(page.getByRole("region", { name: "Stored data" })).toBeVisible()],
      ["/plugins/weak", "details of a failed plugin", () => expect(page.getByRole("button", { name: "Start again" })).toBeVisible()],
      ["/plugins/licensed", "details of a plugin without its key", () => expect(ui.licenseField(page)).toBeVisible()],
      ["/plugins/unknown", "details of an unknown plugin", () => expect(ui.heading(page, "Unknown plugin")).toBeVisible()],
      ["/p/hello", "the page of the example", () => expect(page.getByRole("heading", { name: "Hello, world!" })).toBeVisible()],
      ["/p/torn", "a page that failed", () => expect(ui.failure(page)).toBeVisible()],
      ["/p/quiet", "a plugin without a page", () => expect(page.getByText("Quiet has no page of its own")).toBeVisible()],
      ["/p/off", "a plugin that is off", () => expect(page.getByText("Off is disabled")).toBeVisible()],
      ["/p/nowhere", "a page of no plugin", () => expect(ui.heading(page, "No plugin here")).toBeVisible()],
      ["/nowhere", "no page at all", () => expect(page.getByRole("heading", { level: 1 })).toBeVisible()],
    ];
    for (const [path, what, shown] of pages) {
      await page.goto(path);
      await shown();
      expect(await page.locator("html").getAttribute("data-theme")).toBe(colorScheme);
      await isClean(page, what);
    }

    await page.goto("/plugins/licensed");
    await ui.licenseField(page).fill("let me in");
    await page.getByRole("button", { name: "Save key" }).click();
    await expect(ui.license(page).getByRole("alert")).toBeVisible();
    await isClean(page, "a licence key that is not accepted");
    await ui.licenseField(page).fill(await issue({ instance: await server.instance() }));
    await page.getByRole("button", { name: "Save key" }).click();
    await expect(page.getByRole("button", { name: "Replace" })).toBeVisible();
    await isClean(page, "a licence key");
    await page.getByRole("button", { name: "Remove", exact: true }).click();
    await expect(page.getByRole("group", { name: "Remove the licence key?" })).toBeVisible();
    await isClean(page, "the removal of a licence key");

    await page.goto("/plugins");
    await page.getByRole("searchbox", { name: "Search plugins" }).fill("no such thing");
    await expect(page.getByRole("heading", { name: "No plugin matches" })).toBeVisible();
    await isClean(page, "a search without results");
    await page.getByRole("button", { name: "Scan now" }).click();
    await expect(page.getByText(/^Scanned:/)).toBeVisible();
    await isClean(page, "a message");

    await page.setViewportSize({ width: 360, height: 740 });
    await page.goto("/plugins");
    await page.getByRole("button", { name: "Open menu" }).click();
    await expect(page.getByRole("dialog", { name: "Menu" })).toBeVisible();
    await isClean(page, "the menu on a phone");

    const empty = await visit(await launch(), "/plugins", { colorScheme });
    await expect(empty.getByRole("heading", { name: "No plugins yet" })).toBeVisible();
    await isClean(empty, "no plugins");
  });
}

test("all of it works with the keyboard alone", async ({ launch, visit, trouble }) => {
  trouble.provoke(/status of 401/);
  const page = await visit(await launch({ plugins: [hello] }), "/login", { as: null });
  const press = (...keys: string[]) => keys.reduce((before, key) => before.then(() => page.keyboard.press(key)), Promise.resolve());
  await expect(ui.heading(page, "Sign in")).toBeVisible();
  await press("Tab");
  await expect(page.getByLabel("User name")).toBeFocused();
  await page.keyboard.type(ADMIN.name);
  await press("Tab");
  await page.keyboard.type(ADMIN.password);
  await press("Enter");
  await expect(ui.heading(page, "Plugins")).toBeFocused();

  await reach(page, "Enable Hello");
  await press("Space");
  await expect(ui.toggle(page, "Hello")).toBeChecked();
  await expect(ui.toggle(page, "Hello")).toBeFocused();
  await expect(page.getByRole("status").filter({ hasText: "Hello is enabled." })).toHaveCount(1);
  await reach(page, "Open Hello");
  await press("Enter");
  await expect(ui.heading(page, "Hello")).toBeFocused();
  await expect(page.getByRole("heading", { name: "Hello, world!" })).toBeVisible();
  await reach(page, "Count up");
  await press("Enter");
  await expect(page.getByText("Counted once")).toBeVisible();
  await reach(page, "Details of Hello", "Shift+Tab");
  await press("Enter");
  await expect(ui.heading(page, "Hello")).toBeFocused();
  await reach(page, "Enable Hello");
  await press("Space");
  await expect(ui.toggle(page, "Hello")).not.toBeChecked();

  // The theme is one stop, with arrows inside of it.
  await page.goto("/plugins");
  await expect(ui.card(page, "Hello")).toBeVisible();
  await reach(page, "As the system");
  await press("ArrowRight", "ArrowRight");
  await expect(page.getByRole("radio", { name: "Dark" })).toBeChecked();
  await expect(page.locator("html")).toHaveAttribute("data-theme", "dark");
  await reach(page, "Sign out");
  await press("Enter");
  await expect(ui.heading(page, "Sign in")).toBeVisible();
});

test("the tab key reaches everything there is to press on every page, and skips to the content", async ({ launch, visit }) => {
  const server = await everyState(launch);
  const page = await visit(server, "/plugins");
  for (const path of ["/plugins", "/plugins/hello", "/plugins/weak", "/plugins/licensed", "/p/hello", "/p/torn", "/p/off"]) {
    await page.goto(path);
    await expect(page.getByRole("main").getByRole("link").first()).toBeVisible();
    if (path === "/p/torn") await expect(ui.failure(page)).toBeVisible();
    if (path === "/plugins/licensed") await expect(ui.licenseField(page)).toBeVisible();
    if (path === "/p/hello") await expect(page.getByRole("button", { name: "Count up" })).toBeVisible();
    const wanted = await page.evaluate(() => {
      const all = Array.from(document.querySelectorAll<HTMLElement>("a[href], button, input, textarea, summary, [role=switch]"));
      const usable = all.filter((one) => one.checkVisibility() && !one.closest("[aria-hidden=true]") && !one.matches("[role=radio], [type=radio]"));
      for (const [index, one] of usable.entries()) one.dataset["e2e"] = String(index);
      return usable.map((one, index) => `${index} ${one.getAttribute("aria-label") ?? one.textContent}`);
    });
    const reached = new Set<string>();
    await page.evaluate(() => (document.activeElement as HTMLElement | null)?.blur());
    for (let count = 0; count < wanted.length + 5; count += 1) {
      await page.keyboard.press("Tab");
      const index = await page.evaluate(() => (document.activeElement as HTMLElement | null)?.dataset["e2e"]);
      if (index !== undefined) reached.add(wanted[Number(index)] ?? "");
    }
    expect(wanted.filter((one) => !reached.has(one)), `${path}: what the tab key does not reach`).toEqual([]);
  }
  await page.goto("/plugins");
  await expect(ui.card(page, "Hello")).toBeVisible();
  await page.keyboard.press("Tab");
  await expect(page.getByRole("link", { name: "Skip to content" })).toBeInViewport();
  await page.keyboard.press("Enter");
  await expect(page.getByRole("main")).toBeFocused();
});

test("the menu on a phone opens, leads somewhere and gives the focus back", async ({ launch, visit }) => {
  const server = await launch({ plugins: [hello], enabled: ["hello"] });
  const page = await visit(server, "/plugins", { viewport: { width: 360, height: 740 }, hasTouch: true });
  const opener = page.getByRole("button", { name: "Open menu" });
  await opener.focus();
  await page.keyboard.press("Enter");
  const menu = page.getByRole("dialog", { name: "Menu" });
  await expect(menu).toBeVisible();
  await page.keyboard.press("Escape");
  await expect(menu).toHaveCount(0);
  await expect(opener).toBeFocused();
  await opener.tap();
  await menu.getByRole("link", { name: "Hello" }).tap();
  await expect(menu).toHaveCount(0);
  await expect(page.getByRole("heading", { name: "Hello, world!" })).toBeVisible();
});

test("what can be pressed is large enough to hit", async ({ launch, visit }) => {
  const server = await everyState(launch);
  const page = await visit(server, "/plugins", { viewport: { width: 360, height: 740 } });
  for (const path of ["/plugins", "/plugins/hello", "/plugins/licensed", "/p/torn"]) {
    await page.goto(path);
    await expect(page.getByRole("main").getByRole("link").first()).toBeVisible();
    const small = await page.getByRole("main").evaluate((main) =>
      Array.from(main.querySelectorAll("a[href], button, summary, [role=switch]"))
        // Links within text are as high as its lines, and those in headings have a larger twin.
        .filter((one) => one.checkVisibility() && !one.closest("p, h2"))
        .map((one) => [one.getAttribute("aria-label") ?? one.textContent, one.getBoundingClientRect()] as const)
        .filter(([, { width, height }]) => width < 24 || height < 24)
        .map(([name]) => name),
    );
    expect(small, path).toEqual([]);
  }
});

/** Presses the key until what has that name has the focus. */
async function reach(page: Page, name: string, key = "Tab"): Promise<void> {
  const passed: string[] = [];
  while (passed.length < 60) {
    await page.keyboard.press(key);
    const focused = await page.evaluate(() => {
      const element = document.activeElement;
      return element?.getAttribute("aria-label") ?? element?.textContent ?? "";
    });
    if (focused === name) return;
    passed.push(focused.slice(0, 40));
  }
  throw new Error(`the keyboard does not reach "${name}", only ${passed.join(", ")}`);
}
