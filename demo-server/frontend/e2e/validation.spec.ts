/** The smoke tests of the specification, by their numbers. */

import { hello } from "./support/libraries";
import { expect, test, ui } from "./support/test";

test("V.1 Build and load example plugin", async ({ launch, visit }) => {
  const server = await launch({ plugins: [hello] });
  const page = await visit(server, "/plugins");
  const card = ui.card(page, "Hello");
  await expect(card).toContainText("Toru authors");
  await expect(card).toContainText("Disabled");

  await server.enable("hello");
  await expect(card).toContainText("Running");
  const greeting = await server.api("GET", "/api/plugins/hello/greeting/world");
  expect(await greeting.json()).toEqual({ message: "Hello, world!" });
});

test("V.2 Enable/disable plugin via UI", async ({ launch, visit }) => {
  const server = await launch({ plugins: [hello] });
  const page = await visit(server, "/plugins");
  const toggle = ui.toggle(page, "Hello");
  await expect(toggle).not.toBeChecked();

  await toggle.click();
  await expect(toggle).toBeChecked();
  await expect(ui.card(page, "Hello")).toContainText("Running");
  expect((await server.plugin("hello")).status.state).toBe("enabled");

  await toggle.click();
  await expect(toggle).not.toBeChecked();
  await expect(ui.card(page, "Hello")).toContainText("Disabled");
  expect((await server.plugin("hello")).status.state).toBe("disabled");
});

test("The details tell through which states a plugin went", async ({ launch, visit }) => {
  const server = await launch({ plugins: [hello] });
  const page = await visit(server, "/plugins/hello");
  const history = page.getByRole("region", { name: "History since the server started" });
  await expect(history.getByRole("listitem")).toHaveText([/Disabled/]);

  await ui.toggle(page, "Hello").click();
  await expect(history.getByRole("listitem")).toHaveText([/Running/, /Starting/, /Disabled/]);
  // The times are those of this day and not of 1970.
  await expect(history.locator("time").first()).toHaveAttribute("datetime", /^20[2-9]/);
});

test("V.3 Plugin view renders and responds to clicks", async ({ launch, visit }) => {
  const server = await launch({ plugins: [hello], enabled: ["hello"] });
  const page = await visit(server, "/plugins");
  await ui.card(page, "Hello").getByRole("link", { name: "Open Hello" }).click();
  await expect(page).toHaveURL("/p/hello");
  await expect(page).toHaveTitle("Hello · Toru");
  await expect(page.getByRole("heading", { name: "Hello, world!" })).toBeVisible();

  await page.getByRole("button", { name: "Count up" }).click();
  await expect(page.getByText("Counted once")).toBeVisible();
  await page.getByRole("button", { name: "Count up" }).click();
  await expect(page.getByText("Counted 2 times")).toBeVisible();
});

test("V.4 Plugin KV storage works", async ({ launch, visit, trouble }) => {
  // The details ask for a plugin's states when one changes, which its stop with the server is.
  trouble.provoke(/ERR_CONNECTION_REFUSED/);
  const server = await launch({ plugins: [hello], enabled: ["hello"] });
  const page = await visit(server, "/p/hello");
  const button = page.getByRole("button", { name: "Count up" });
  await button.click();
  await expect(page.getByText("Counted once")).toBeVisible();
  await page.goto("/plugins/hello");
  await expect(page.getByRole("region", { name: "Stored data" })).toContainText(/Keys\s*1/);

  await server.stop();
  await server.start();
  // The session outlives the restart too.
  await page.goto("/p/hello");
  await expect(page.getByText("Counted once")).toBeVisible();
  await button.click();
  await expect(page.getByText("Counted 2 times")).toBeVisible();
});

test("V.5 Plugin appears in sidebar when enabled", async ({ launch, visit }) => {
  const server = await launch({ plugins: [hello] });
  const page = await visit(server, "/plugins");
  await expect(ui.card(page, "Hello")).toBeVisible();
  await expect(ui.entry(page, "Hello")).toHaveCount(0);
  // The group is absent, not empty.
  await expect(ui.sidebar(page).getByText("Your plugins")).toHaveCount(0);

  await ui.toggle(page, "Hello").click();
  await ui.entry(page, "Hello").click();
  await expect(page).toHaveURL("/p/hello");
  await expect(ui.entry(page, "Hello")).toHaveAttribute("aria-current", "page");
});

test("V.6 Plugin hidden from sidebar when disabled", async ({ launch, visit }) => {
  const server = await launch({ plugins: [hello], enabled: ["hello"] });
  const page = await visit(server, "/plugins");
  await expect(ui.entry(page, "Hello")).toBeVisible();

  await ui.toggle(page, "Hello").click();
  await expect(ui.entry(page, "Hello")).toHaveCount(0);
  await page.reload();
  await expect(ui.card(page, "Hello")).toContainText("Disabled");
  await expect(ui.entry(page, "Hello")).toHaveCount(0);
});

test("V.7 Server starts with no plugins (empty directory)", async ({ launch, visit }) => {
  const server = await launch();
  const page = await visit(server, "/plugins");
  await expect(page.getByRole("heading", { name: "No plugins yet" })).toBeVisible();
  await expect(page.getByRole("main")).toContainText(/Copy a plugin’s library.*plugins folder/);

  await server.install(hello);
  await page.getByRole("button", { name: "Scan now" }).click();
  await expect(ui.card(page, "Hello")).toBeVisible();
});

test("V.8 Server handles invalid .so files gracefully", async ({ launch, visit }) => {
  const server = await launch({ plugins: [hello] });
  await server.put("text.so", "this is no library\n");
  await server.put("empty.so", "");
  await server.put("cut.so", Buffer.from([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1, 0, 0, 0]));
  const page = await visit(server, "/plugins");
  await page.getByRole("button", { name: "Scan now" }).click();

  const rejected = page.getByRole("region", { name: "Files that cannot be used" }).getByRole("listitem");
  await expect(rejected).toHaveCount(3);
  for (const file of ["text.so", "empty.so", "cut.so"]) {
    // The name, a reason in words and its code.
    await expect(rejected.filter({ hasText: file })).toContainText(/\.so.+\w+ \w+.+Code \w+/s);
  }

  // Nothing of it concerns the plugin beside them, also not at the next start.
  await server.stop();
  await server.start();
  await page.reload();
  await expect(rejected).toHaveCount(3);
  await ui.toggle(page, "Hello").click();
  await expect(ui.card(page, "Hello")).toContainText("Running");
});
