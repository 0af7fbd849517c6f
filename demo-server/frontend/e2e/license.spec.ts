/** A plugin that needs a licence key, from the failure without one to the renewal. */

import { licensed } from "./support/libraries";
import { changed, issue } from "./support/licenses";
import type { Server } from "./support/server";
import { expect, test, ui } from "./support/test";
import type { Page } from "./support/test";

const DETAILS = "/plugins/licensed";
const MISSING = "needs a licence key; ask its vendor for one";

async function give(page: Page, key: string): Promise<void> {
  await ui.licenseField(page).fill(key);
  await page.getByRole("button", { name: "Save key" }).click();
}

/** A server whose plugin runs with a good key. Returns the installation's id too. */
async function running(launch: (options: object) => Promise<Server>): Promise<[Server, string]> {
  const server = await launch({ plugins: [licensed] });
  const instance = await server.instance();
  await server.license(await issue({ instance }));
  await server.enable("licensed");
  return [server, instance];
}

test("a plugin without its key fails, says so, and starts when it gets one", async ({ launch, visit, trouble }) => {
  trouble.provoke(/status of 422/);
  const server = await launch({ plugins: [licensed] });
  const page = await visit(server, "/plugins");
  await ui.toggle(page, "Licensed").click();
  await expect(ui.card(page, "Licensed")).toContainText("Failed to start");
  await expect(ui.card(page, "Licensed")).toContainText(MISSING);
  await page.getByRole("link", { name: "Enter licence key of Licensed" }).click();
  await expect(ui.licenseField(page)).toBeFocused();

  const instance = await server.instance();
  await expect(ui.license(page)).toContainText(instance);
  await page.context().grantPermissions(["clipboard-read", "clipboard-write"]);
  await page.getByRole("button", { name: "Copy the id of this installation" }).click();
  expect(await page.evaluate(() => navigator.clipboard.readText())).toBe(instance);

  const key = await issue({ instance, expires: "9999-12-31" });
  await give(page, key);
  await expect(ui.licenseField(page)).toHaveCount(0);
  await expect(ui.license(page)).toContainText(`toru1.ed25519.example.…${key.slice(-4)}`);
  await expect(page.getByRole("main")).toContainText("Running");
  await page.getByRole("link", { name: "Open" }).click();
  await expect(page.getByRole("heading", { name: "Licensed to Miller & Sons" })).toBeVisible();
  await expect(page.getByText("Valid until the end of 9999-12-31 (UTC).")).toBeVisible();
});

test("a plugin fails when its key is removed, and runs again with one", async ({ launch, visit }) => {
  const [server, instance] = await running(launch);
  const view = await visit(server, "/p/licensed");
  await expect(view.getByRole("heading", { name: "Licensed to Miller & Sons" })).toBeVisible();
  const page = await visit(server, DETAILS);
  await page.getByRole("button", { name: "Remove", exact: true }).click();
  await expect(ui.license(page)).toContainText("Licensed may stop working without it. What it has stored stays.");
  await page.getByRole("button", { name: "Remove key" }).click();
  await expect(page.getByRole("main")).toContainText(MISSING);
  await expect(page.getByRole("main")).toContainText("license_missing");
  await expect(ui.licenseField(page)).toBeVisible();
  await expect(view.getByRole("status").filter({ hasText: "Licensed is not running: failed to start" })).toContainText(MISSING);
  await expect(view.getByRole("heading", { name: "Licensed to Miller & Sons" })).toHaveCount(0);

  await page.getByRole("link", { name: "Enter licence key" }).click();
  await expect(ui.licenseField(page)).toBeFocused();
  await give(page, await issue({ instance }));
  await expect(page.getByRole("button", { name: "Replace" })).toBeVisible();
  await expect(page.getByRole("main")).toContainText("Running");
  await view.getByRole("button", { name: "Open" }).click();
  await expect(view.getByRole("heading", { name: "Licensed to Miller & Sons" })).toBeVisible();
});

test("a key that the plugin does not accept is told with the reason", async ({ launch, visit }) => {
  const [server, instance] = await running(launch);
  const page = await visit(server, DETAILS);
  await page.getByRole("button", { name: "Replace" }).click();
  const cases: [key: string, words: string, code: string][] = [
    [
      await issue({ instance: "0f0e0d0c-0b0a-4908-8706-050403020100" }),
      "The licence is for another installation; ask the vendor for a key for this one’s id.",
      "license_wrong_instance",
    ],
    [
      await issue({ instance, issued: "2020-01-01", expires: "2020-02-29" }),
      "The licence ended on 2020-02-29; ask the vendor for a new key.",
      "license_expired",
    ],
    [
      changed(await issue({ instance })),
      "The licence key was not issued by the plugin’s vendor, or was changed; copy it again as a whole.",
      "license_invalid_signature",
    ],
    ["let me in", "This is no licence key:", "license_malformed"],
  ];
  for (const [key, words, code] of cases) {
    await give(page, key);
    const alert = ui.license(page).getByRole("alert");
    await expect(alert).toContainText("Licensed does not accept this key");
    await expect(alert).toContainText(words.replaceAll("’", "'"));
    await expect(page.getByText(`Code ${code}`).first()).toBeVisible();
    await expect(ui.licenseField(page)).toHaveValue("");
    await expect(ui.licenseField(page)).toBeFocused();
    expect((await server.plugin("licensed")).status.state).toBe("failed");
  }
  await give(page, await issue({ instance }));
  await expect(ui.licenseField(page)).toHaveCount(0);
  await expect(page.getByRole("main")).toContainText("Running");
});

test("a page stays open while its plugin's key is renewed", async ({ launch, visit }) => {
  const [server, instance] = await running(launch);
  const view = await visit(server, "/p/licensed");
  const title = view.getByRole("heading", { name: "Licensed to Miller & Sons" });
  await expect(title).toBeVisible();
  await title.evaluate((element) => element.setAttribute("data-e2e", "the same"));
  const page = await visit(server, DETAILS);
  const shown = ui.license(page).locator("code").first();
  const before = await shown.textContent();
  await page.getByRole("button", { name: "Replace" }).click();
  await give(page, await issue({ instance, licensee: "Miller & Daughters" }));
  await expect(ui.licenseField(page)).toHaveCount(0);
  await expect(shown).not.toHaveText(before ?? "");

  const license = await server.api("GET", "/api/plugins/licensed/license");
  expect(await license.json()).toMatchObject({ licensee: "Miller & Daughters" });
  await expect(title).toHaveAttribute("data-e2e", "the same");
  const { status } = await server.plugin("licensed");
  expect([status.state, status.generation], "it was never started anew").toEqual(["enabled", 1]);
  await view.reload();
  await expect(view.getByRole("heading", { name: "Licensed to Miller & Daughters" })).toBeVisible();
});

test("a key from the environment comes first, and cannot be changed here", async ({ launch, visit }) => {
  const server = await launch({ plugins: [licensed] });
  const instance = await server.instance();
  await server.enable("licensed").catch(() => {});
  await server.stop();
  await server.start({ TORU_LICENSE_LICENSED: await issue({ instance }) });
  const page = await visit(server, DETAILS);
  await expect(page.getByRole("main")).toContainText("Running");
  await expect(ui.license(page)).toContainText("The environment variable TORU_LICENSE_LICENSED of the server");
  await expect(ui.license(page)).toContainText("Change the variable and start the server again.");
  await expect(ui.license(page).getByRole("textbox")).toHaveCount(0);
  await expect(ui.license(page).getByRole("button")).toHaveCount(1);
  const refused = await server.ask("PUT", "/api/plugins/licensed/-/license", { key: await issue({ instance }) });
  expect([refused.status, ((await refused.json()) as { code: string }).code]).toEqual([409, "license_from_environment"]);
});

test("users see no licence card, and are told nothing", async ({ launch, visit }) => {
  const server = await launch({ plugins: [licensed] });
  await server.enable("licensed").catch(() => {});
  const user = { name: "bob", password: "a rather long password" };
  await server.addUser(user.name, user.password);
  const page = await visit(server, "/plugins", { as: user });
  await expect(ui.card(page, "Licensed")).toContainText("Failed to start");
  await expect(page.getByRole("link", { name: /Enter licence key/ })).toHaveCount(0);
  await page.goto(`${DETAILS}#licence-key`);
  await expect(page.getByRole("region", { name: "About" })).toBeVisible();
  await expect(ui.license(page)).toHaveCount(0);
  await expect(page.getByRole("link", { name: /Enter licence key/ })).toHaveCount(0);
  const path = "/api/plugins/licensed/-/license";
  const { request } = page.context();
  const answers = await Promise.all([request.get(path), request.put(path, { data: { key: "k" } }), request.delete(path)]);
  expect(answers.map((answer) => answer.status())).toEqual([403, 403, 403]);
});

test("a key is entered, replaced and removed with the keyboard alone", async ({ launch, visit }) => {
  const server = await launch({ plugins: [licensed] });
  await server.enable("licensed").catch(() => {});
  const key = await issue({ instance: await server.instance() });
  const page = await visit(server, DETAILS);
  const heading = page.getByRole("heading", { name: "Licence key" });
  await expect(ui.licenseField(page)).toBeVisible();
  await page.getByRole("link", { name: "Enter licence key" }).focus();
  await page.keyboard.press("Enter");
  await expect(ui.licenseField(page)).toBeFocused();
  await page.keyboard.type(key);
  await page.keyboard.press("Tab");
  await expect(page.getByRole("button", { name: "Save key" })).toBeFocused();
  await page.keyboard.press("Enter");
  await expect(heading).toBeFocused();
  await expect(page.getByRole("status").filter({ hasText: "The licence key is recorded. Licensed is running." })).toHaveCount(1);

  // On from the heading: copy, replace.
  await page.keyboard.press("Tab");
  await page.keyboard.press("Tab");
  await expect(page.getByRole("button", { name: "Replace" })).toBeFocused();
  await page.keyboard.press("Enter");
  await expect(ui.licenseField(page)).toBeFocused();
  await page.keyboard.press("Tab");
  await page.keyboard.press("Tab");
  await expect(page.getByRole("button", { name: "Cancel" })).toBeFocused();
  await page.keyboard.press("Space");
  await expect(heading).toBeFocused();
  await page.keyboard.press("Tab");
  await page.keyboard.press("Tab");
  await page.keyboard.press("Tab");
  await expect(page.getByRole("button", { name: "Remove", exact: true })).toBeFocused();
  await page.keyboard.press("Enter");
  await expect(page.getByRole("button", { name: "Remove key" })).toBeFocused();
  await page.keyboard.press("Enter");
  await expect(heading).toBeFocused();
  await expect(ui.licenseField(page)).toBeVisible();
  await expect(page.getByRole("status").filter({ hasText: "The licence key is removed." })).toHaveCount(1);
});
