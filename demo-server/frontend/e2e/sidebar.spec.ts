/** The list of plugins beside every page, however many there are and whatever they are called. */

import { compile } from "./support/libraries";
import type { Variant } from "./support/libraries";
import { script } from "./support/scripts";
import { expect, test, ui } from "./support/test";

const named = (id: string, more: Partial<Variant> = {}) => compile({ id, bundle: script(id), ...more });

test("none: the group is not there", async ({ launch, visit }) => {
  const page = await visit(await launch({ plugins: [await named("off")] }), "/plugins");
  await expect(ui.card(page, "off")).toBeVisible();
  await expect(ui.sidebar(page).getByRole("listitem")).toHaveCount(1);
  await expect(ui.sidebar(page).getByRole("list", { name: "Your plugins" })).toHaveCount(0);
});

test("one", async ({ launch, visit }) => {
  const page = await visit(await launch({ plugins: [await named("one")], enabled: ["one"] }), "/plugins");
  await expect(ui.sidebar(page).getByRole("list", { name: "Your plugins" }).getByRole("listitem")).toHaveText(["Oone"]);
});

test("many: in order, all reachable, what is below stays in sight", async ({ launch, visit }) => {
  const numbers = Array.from({ length: 30 }, (_, index) => index + 1);
  // By name, not by id.
  const plugins = await Promise.all(numbers.map((number) => named(`p${100 - number}`, { name: `Tool ${number}`, icon: "🔧" })));
  const page = await visit(await launch({ plugins, enabled: plugins.map(({ id }) => id) }), "/plugins");
  const names = ui.sidebar(page).getByRole("list", { name: "Your plugins" }).getByRole("link");
  await expect(names).toHaveText(numbers.map((number) => `🔧Tool ${number}`));
  await expect(page.getByRole("button", { name: "Sign out" })).toBeInViewport({ ratio: 1 });
  await names.last().click();
  await expect(page.getByRole("heading", { name: "Page of p70" })).toBeVisible();
});

test("long names are cut, told in full, and break nothing", async ({ launch, visit }) => {
  const words = "A plugin whose author could not decide what to leave out, so no";
  const noSpaces = "Donaudampfschifffahrtsgesellschaftskapitaensmuetzenabzeichenxyz1";
  const plugins = [await named("words", { name: words }), await named("one-word", { name: noSpaces })];
  const server = await launch({ plugins, enabled: ["words", "one-word"] });
  for (const width of [1280, 360]) {
    const page = await visit(server, "/plugins", { viewport: { width, height: 800 } });
    if (width < 768) await page.getByRole("button", { name: "Open menu" }).click();
    for (const name of [words, noSpaces]) {
      await expect(ui.entry(page, name)).toBeVisible();
      await expect(ui.entry(page, name).getByTitle(name)).toBeVisible();
    }
    expect(await ui.sidebar(page).evaluate((nav) => nav.scrollWidth - nav.clientWidth)).toBe(0);
    await ui.entry(page, noSpaces).click();
    await expect(page.getByRole("heading", { name: "Page of one-word" })).toBeVisible();
    expect(await page.evaluate(() => document.documentElement.scrollWidth - innerWidth)).toBeLessThanOrEqual(0);
  }
});

test("without an icon there is the first letter, of a long icon the first sign", async ({ launch, visit }) => {
  const plugins = [await named("plain", { name: "élan" }), await named("family", { icon: "👨‍👩‍👧‍👦x" })];
  const page = await visit(await launch({ plugins, enabled: ["plain", "family"] }), "/plugins");
  await expect(ui.entry(page, "élan")).toHaveText("Éélan");
  await expect(ui.entry(page, "family")).toHaveText("👨‍👩‍👧‍👦family");
});
