/** Who may do what, and for how long. */

import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { compile, hello } from "./support/libraries";
import { ADMIN } from "./support/server";
import { expect, test, ui } from "./support/test";
import type { Page } from "./support/test";

const signIn = async (page: Page, name: string, password: string) => {
  await page.getByLabel("User name").fill(name);
  await page.getByLabel("Password").fill(password);
  await page.getByRole("button", { name: "Sign in" }).click();
};

const statusOf = (page: Page, method: string, path: string) =>
  page.evaluate(async ([verb, url]) => (await fetch(url, { method: verb })).status, [method, path] as const);

test("signing in leads to where one wanted to go, signing out ends it", async ({ launch, visit, trouble }) => {
  trouble.provoke(/status of 401/);
  const server = await launch({ plugins: [hello], enabled: ["hello"] });
  const page = await visit(server, "/p/hello", { as: null });
  await expect(page).toHaveURL("/login");
  await signIn(page, ADMIN.name, "not the password");
  await expect(page.getByRole("alert").filter({ hasText: "User name or password is wrong." })).toBeVisible();
  await signIn(page, ADMIN.name, ADMIN.password);
  await expect(page).toHaveURL("/p/hello");
  await expect(page.getByRole("heading", { name: "Hello, world!" })).toBeVisible();

  // Somebody has copied the cookie meanwhile.
  const copied = await visit(server, "/plugins", { as: null, storageState: await page.context().storageState() });
  await expect(ui.heading(copied, "Plugins")).toBeVisible();

  await page.getByRole("button", { name: "Sign out" }).click();
  await expect(page).toHaveURL("/login");
  expect(await statusOf(page, "GET", "/api/plugins")).toBe(401);
  await page.goto("/plugins");
  await expect(page).toHaveURL("/login");
  // The copy is over as well, without anybody doing anything there but looking.
  expect(await statusOf(copied, "GET", "/api/plugins")).toBe(401);
  await copied.reload();
  await expect(copied).toHaveURL("/login");
});

test("the session's cookie cannot be read by scripts", async ({ launch, visit }) => {
  const page = await visit(await launch(), "/plugins");
  expect(await page.evaluate(() => document.cookie)).toBe("");
  const [cookie] = await page.context().cookies();
  expect(cookie).toMatchObject({ httpOnly: true, sameSite: "Strict", path: "/" });
});

test("who tries too often is told how long to wait", async ({ launch, visit, trouble }) => {
  trouble.provoke(/status of 4(01|29)/);
  const page = await visit(await launch(), "/login", { as: null, clock: true });
  for (let attempt = 0; attempt < 10; attempt += 1) {
    const data = { username: ADMIN.name, password: `wrong ${attempt}` };
    expect((await page.request.post("/api/session", { data })).status()).toBe(401);
  }
  await signIn(page, ADMIN.name, "wrong once more");
  await expect(page.getByRole("alert").filter({ hasText: /Too many attempts. Try again in 1[45] minutes/ })).toBeVisible();
  const button = page.getByRole("button", { name: /^Wait 1\d minutes/ });
  await expect(button).toHaveAttribute("aria-disabled", "true");
  await page.clock.fastForward("15:01");
  await expect(page.getByRole("button", { name: "Sign in" })).toHaveAttribute("aria-disabled", "false");
});

test("a user uses plugins and does not manage them", async ({ launch, visit, trouble }) => {
  trouble.provoke(/status of 403/);
  const server = await launch({ plugins: [hello, await compile({ id: "off" })], enabled: ["hello"] });
  const ada = { name: "ada", password: "a password for ada" };
  await server.addUser(ada.name, ada.password);
  const page = await visit(server, "/plugins", { as: ada });
  await expect(ui.card(page, "Hello")).toContainText("Running");
  await expect(ui.card(page, "off")).toContainText("Disabled");
  await expect(page.getByText("ada", { exact: true })).toBeVisible();
  await expect(page.getByRole("switch")).toHaveCount(0);
  await expect(page.getByRole("button", { name: "Scan now" })).toHaveCount(0);
  await page.goto("/plugins/hello");
  await expect(ui.heading(page, "Hello")).toBeVisible();
  await expect(page.getByRole("switch")).toHaveCount(0);

  for (const path of ["hello/disable", "off/enable", "-/scan"]) {
    expect(await statusOf(page, "POST", `/api/plugins/${path}`), path).toBe(403);
  }
  expect(await statusOf(page, "GET", "/api/plugins/hello/-/storage")).toBe(403);
  expect((await server.plugin("off")).status.desired).toBe("disabled");

  await ui.entry(page, "Hello").click();
  await page.getByRole("button", { name: "Count up" }).click();
  await expect(page.getByText("Counted once")).toBeVisible();
});

test("two administrators see what the other one does, at once", async ({ launch, visit }) => {
  const server = await launch({ plugins: [hello, await compile({ id: "tool", name: "Tool" })] });
  const [one, other] = [await visit(server, "/plugins"), await visit(server, "/plugins/hello")];
  await expect(ui.heading(other, "Hello")).toBeVisible();
  await ui.toggle(one, "Hello").click();
  await expect(ui.entry(other, "Hello")).toBeVisible();
  await expect(ui.toggle(other, "Hello")).toBeChecked();
  await ui.toggle(one, "Tool").click();
  await expect(ui.entry(other, "Tool")).toBeVisible();
  await ui.toggle(other, "Hello").click();
  await expect(ui.entry(one, "Hello")).toHaveCount(0);
  await expect(ui.toggle(one, "Hello")).not.toBeChecked();
  await expect(ui.entry(one, "Tool")).toBeVisible();
});

test("a switch goes back when the server refuses, and says why", async ({ launch, visit, trouble }) => {
  trouble.provoke(/status of 4\d\d|status of 5\d\d/);
  const server = await launch({ plugins: [await compile({ id: "weak", name: "Weak", failure: "the battery is empty" })] });
  const page = await visit(server, "/plugins");
  await ui.toggle(page, "Weak").click();
  await expect(page.getByRole("alert").filter({ hasText: "Weak could not be enabled." })).toContainText("the battery is empty");
  const card = ui.card(page, "Weak");
  await expect(card).toContainText("Failed to start");
  await expect(card).toContainText("the battery is empty");
  await expect(ui.entry(page, "Weak")).toHaveCount(0);
});

test("a page from another port of this machine cannot enable a plugin", async ({ launch, visit, trouble }) => {
  trouble.provoke(/status of 4\d\d|CORS policy|ERR_FAILED|ERR_BLOCKED_BY_RESPONSE/);
  const server = await launch({ plugins: [hello] });
  const address = `${server.url}/api/plugins/hello/enable`;
  const foreign = createServer((_, response) => {
    response.setHeader("content-type", "text/html");
    response.end(`<!doctype html><title>Foreign</title><form method="post" action="${address}"><button>Win</button></form>`);
  });
  await new Promise<void>((resolve) => void foreign.listen(0, "127.0.0.1", resolve));
  try {
    const page = await visit(server, "/plugins");
    await expect(ui.card(page, "Hello")).toBeVisible();
    await page.goto(`http://127.0.0.1:${(foreign.address() as AddressInfo).port}/`);

    // The browser does not even let it have the answer.
    const blocked = page.waitForEvent("requestfailed", (request) => request.url() === address);
    const blind = { method: "POST", mode: "no-cors", credentials: "include" } as const;
    await page.evaluate(([url, options]) => fetch(url, options).catch(() => {}), [address, blind] as const);
    expect((await blocked).failure()?.errorText).toContain("ERR_BLOCKED_BY_RESPONSE");
    expect((await server.plugin("hello")).status).toMatchObject({ desired: "disabled", state: "disabled" });
    const open = { method: "POST", credentials: "include" } as const;
    const answer = await page.evaluate(([url, options]) => fetch(url, options).catch(() => "nothing"), [address, open] as const);
    expect(answer, "what the page can read of it").toBe("nothing");
    const answered = page.waitForResponse(address);
    await page.getByRole("button", { name: "Win" }).click();
    // Ports do not matter to what a site is: the cookie goes along, or this were 401.
    expect((await answered).status()).toBe(403);
    expect((await server.plugin("hello")).status).toMatchObject({ desired: "disabled", state: "disabled" });
  } finally {
    foreign.closeAllConnections();
    foreign.close();
  }
});

test("the page's policy stops what was injected", async ({ launch, visit, trouble }) => {
  const page = await visit(await launch(), "/plugins");
  await expect(ui.heading(page, "Plugins")).toBeVisible();
  await page.evaluate(() => {
    const holder = document.createElement("div");
    holder.innerHTML = `<img src="/no-such-image.png" onerror="window.hacked = 1">`;
    const inline = document.createElement("script");
    inline.textContent = "window.hacked = 2";
    const strange = document.createElement("script");
    strange.src = "data:text/javascript,window.hacked=3";
    document.body.append(holder, inline, strange);
  });
  await expect.poll(() => trouble.forbidden.filter((one) => one.startsWith("policy:")).length).toBe(3);
  expect(await page.evaluate(() => "hacked" in window)).toBe(false);
  // These were meant.
  trouble.provoke(/no-such-image/, /ERR_BLOCKED/);
  trouble.forget();
});
