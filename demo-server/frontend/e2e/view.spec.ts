/** Pages of plugins: coming, leaving, changing. */

import { EventEmitter, once } from "node:events";
import { compile, hello } from "./support/libraries";
import type { Library } from "./support/libraries";
import { script, seen } from "./support/scripts";
import { expect, test, ui } from "./support/test";
import type { Page } from "./support/test";

const plugin = (id: string, parts = {}): Promise<Library> => compile({ id, bundle: script(id, parts) });
const shown = (page: Page, id: string) => page.getByRole("heading", { name: `Page of ${id}` });
const grows = (version: string) =>
  compile({ id: "grows", version, bundle: script("grows", { mount: `container.textContent = "this is ${version}";` }) });
const noted = (page: Page) => expect.poll(() => page.evaluate(seen));

/** Holds the answers to requests for the script of a plugin back until the function that it returns is called. */
async function hold(page: Page, id: string): Promise<() => void> {
  const gate = new EventEmitter();
  const released = once(gate, "open");
  await page.route(`**/api/plugins/${id}/bundle.js*`, async (route) => {
    await released;
    // The page may be gone by now.
    await route.continue().catch(() => {});
  });
  return () => void gate.emit("open");
}

test("a plugin is mounted, gets what it was promised, and is unmounted", async ({ launch, visit }) => {
  const mount = `
    const facts = () => [api.version, api.plugin.id, api.plugin.name, api.theme, api.location, Object.isFrozen(api)].join(" ");
    container.innerHTML = "<output></output><button>Inside</button><button>Outside</button><button>Toast</button>";
    const [inside, outside, toast] = container.querySelectorAll("button");
    const show = () => { container.querySelector("output").textContent = facts(); };
    inside.addEventListener("click", () => api.navigate("/deep?x=1"));
    outside.addEventListener("click", () => api.navigate("host:/plugins"));
    toast.addEventListener("click", () => api.showToast("Done well", "success"));
    api.onLocationChange(show);
    api.onThemeChange(show);
    api.signal.addEventListener("abort", () => seen.push("abort"));
    show();
    return api.fetch("version").then((response) => response.text()).then((text) => seen.push("fetched " + text));`;
  const server = await launch({ plugins: [await plugin("contract", { mount })], enabled: ["contract"] });
  const page = await visit(server, "/p/contract", { colorScheme: "light" });
  const facts = page.getByRole("region", { name: "contract" }).getByRole("status").filter({ hasText: "1 contract" });
  await expect(facts).toHaveText("1 contract contract light / true");
  await noted(page).toEqual(["mount contract", "fetched 1.0.0"]);

  await page.getByRole("button", { name: "Inside" }).click();
  await expect(page).toHaveURL("/p/contract/deep?x=1");
  await expect(facts).toContainText("light /deep?x=1 true");
  await page.getByRole("radio", { name: "Dark" }).click();
  await expect(facts).toContainText("dark /deep?x=1 true");
  await page.goBack();
  await expect(facts).toContainText("dark / true");

  await page.getByRole("button", { name: "Toast" }).click();
  await expect(page.getByText("Done well")).toBeVisible();
  await page.getByRole("button", { name: "Outside" }).click();
  await expect(ui.heading(page, "Plugins")).toBeVisible();
  // Mounted once in all that time.
  await noted(page).toEqual(["mount contract", "fetched 1.0.0", "abort", "unmount contract"]);
});

test("a deep link opens a plugin where it leads", async ({ launch, visit }) => {
  const mount = `container.textContent = "at " + api.location;`;
  const server = await launch({ plugins: [await plugin("deep", { mount })], enabled: ["deep"] });
  const page = await visit(server, "/p/deep/reports/7?sort=name#top");
  await expect(page.getByText("at /reports/7?sort=name#top")).toBeVisible();
});

test("what loads when its page is left is not mounted", async ({ launch, visit }) => {
  const server = await launch({ plugins: [await plugin("late"), await plugin("other")], enabled: ["late", "other"] });
  const page = await visit(server, "/plugins");
  const release = await hold(page, "late");
  await ui.entry(page, "late").click();
  await expect(page.getByRole("region", { name: "late" })).toHaveAttribute("aria-busy", "true");
  await ui.entry(page, "other").click();
  await expect(shown(page, "other")).toBeVisible();

  const arrived = page.waitForResponse(/late\/bundle\.js/);
  release();
  await (await arrived).finished();
  await page.waitForFunction(() => "late" in ((window as { ToruPlugins?: object }).ToruPlugins ?? {}));
  await noted(page).toEqual(["mount other"]);
  await expect(shown(page, "other")).toBeVisible();
  // It is there when somebody comes back.
  await ui.entry(page, "late").click();
  await expect(shown(page, "late")).toBeVisible();
  await noted(page).toEqual(["mount other", "unmount other", "mount late"]);
});

test("what mounts when its page is left is unmounted once it has", async ({ launch, visit }) => {
  const mount = `container.textContent = "mounting"; return new Promise((resolve) => { window.finish = resolve; });`;
  const plugins = [await plugin("slow", { mount }), await plugin("other")];
  const server = await launch({ plugins, enabled: ["slow", "other"] });
  const page = await visit(server, "/p/slow");
  await expect(page.getByText("mounting", { exact: true })).toBeVisible();
  await ui.entry(page, "other").click();
  await expect(shown(page, "other")).toBeVisible();
  await noted(page).toEqual(["mount slow", "mount other"]);

  await page.evaluate(() => (window as unknown as { finish(): void }).finish());
  await noted(page).toEqual(["mount slow", "mount other", "unmount slow"]);
  await expect(shown(page, "other")).toBeVisible();
});

test("from one plugin to another and back, each is mounted once at a time and loaded once", async ({ launch, visit }) => {
  const server = await launch({ plugins: [await plugin("aa"), await plugin("bb")], enabled: ["aa", "bb"] });
  const page = await visit(server, "/plugins");
  const loaded: string[] = [];
  page.on("request", (request) => request.url().includes("bundle.js") && loaded.push(new URL(request.url()).pathname));
  for (const id of ["aa", "bb", "aa"]) {
    await ui.entry(page, id).click();
    await expect(shown(page, id)).toBeVisible();
    await expect(page.locator("[data-toru-plugin]")).toHaveCount(1);
  }
  await noted(page).toEqual(["mount aa", "unmount aa", "mount bb", "unmount bb", "mount aa"]);
  expect(loaded).toEqual(["/api/plugins/aa/bundle.js", "/api/plugins/bb/bundle.js"]);
});

test("without waiting in between, the last page that was asked for is shown", async ({ launch, visit }) => {
  const server = await launch({ plugins: [await plugin("aa"), await plugin("bb")], enabled: ["aa", "bb"] });
  const page = await visit(server, "/plugins");
  const release = await hold(page, "aa");
  for (const id of ["aa", "bb", "aa"]) await ui.entry(page, id).click();
  release();
  await expect(shown(page, "aa")).toBeVisible();
  await expect(page.locator("[data-toru-plugin]")).toHaveCount(1);
  await expect.poll(() => page.evaluate(seen).then((calls) => calls.filter((call) => call.endsWith(" aa")))).toEqual(["mount aa"]);
});

test("a plugin that somebody else disables ends its page, and says so", async ({ launch, visit }) => {
  const server = await launch({ plugins: [await plugin("shared")], enabled: ["shared"] });
  const page = await visit(server, "/p/shared");
  await expect(shown(page, "shared")).toBeVisible();
  const other = await visit(server, "/plugins");
  await ui.toggle(other, "shared").click();

  const notice = page.getByRole("status").filter({ hasText: "shared was disabled while you had it open" });
  await expect(notice).toBeVisible();
  await noted(page).toEqual(["mount shared", "unmount shared"]);
  await expect(page).toHaveURL("/p/shared");
  await expect(page.getByRole("link", { name: "See its details" })).toBeVisible();

  await ui.toggle(other, "shared").click();
  await page.getByRole("button", { name: "Open" }).click();
  await expect(shown(page, "shared")).toBeVisible();
});

test("a new version waits until its user wants it", async ({ launch, visit }) => {
  const server = await launch({ plugins: [await grows("1.0.0")], enabled: ["grows"] });
  const page = await visit(server, "/p/grows");
  await expect(page.getByText("this is 1.0.0")).toBeVisible();

  await server.install(await grows("2.0.0"));
  await server.scan();
  const other = await visit(server, "/plugins");
  await expect(ui.card(other, "grows")).toContainText("Version 2.0.0 is ready");
  await expect(page.getByText("this is 1.0.0")).toBeVisible();

  await ui.toggle(other, "grows").click();
  await expect(ui.card(other, "grows")).toContainText("Disabled");
  await ui.toggle(other, "grows").click();
  await expect(page.getByText("A new version is ready")).toBeVisible();
  await page.getByRole("button", { name: "Reload view" }).click();
  await expect(page.getByText("this is 2.0.0")).toBeVisible();
  await expect(ui.card(other, "grows")).toContainText("Version 2.0.0");
});

test("a plugin without a page has its details as entry, and nothing to open", async ({ launch, visit }) => {
  const server = await launch({ plugins: [await compile({ id: "quiet" })], enabled: ["quiet"] });
  const page = await visit(server, "/plugins");
  await expect(ui.card(page, "quiet")).toContainText("Running");
  await expect(page.getByRole("link", { name: "Open quiet" })).toHaveCount(0);
  await ui.entry(page, "quiet").click();
  await expect(page).toHaveURL("/plugins/quiet");
});

test("a plugin that fails in a click handler is told of, and goes on", async ({ launch, visit, trouble }) => {
  trouble.provoke(/lost my way/);
  const mount = `
    container.innerHTML = "<button>Fail</button><button>Work</button><output></output>";
    const [fail, work] = container.querySelectorAll("button");
    fail.addEventListener("click", () => { throw new Error("lost my way"); });
    work.addEventListener("click", () => { container.querySelector("output").textContent = "worked"; });`;
  const server = await launch({ plugins: [await plugin("clumsy", { mount })], enabled: ["clumsy"] });
  const page = await visit(server, "/p/clumsy");
  await page.getByRole("button", { name: "Fail" }).click();
  await expect(page.getByText("clumsy reported an error.")).toBeVisible();
  await page.getByRole("button", { name: "Work" }).click();
  await expect(page.getByText("worked")).toBeVisible();
});

test("the end of the server ends its plugins' pages, its return offers them again", async ({ launch, visit, trouble }) => {
  trouble.provoke(/ERR_CONNECTION_REFUSED|ERR_INCOMPLETE_CHUNKED_ENCODING|ERR_EMPTY_RESPONSE|ERR_CONNECTION_RESET/);
  const server = await launch({ plugins: [hello], enabled: ["hello"] });
  const page = await visit(server, "/p/hello");
  await expect(page.getByRole("heading", { name: "Hello, world!" })).toBeVisible();
  await server.stop();
  const notice = page.getByRole("status").filter({ hasText: "Hello is not running" });
  await expect(notice).toBeVisible();
  // Nobody has disabled it.
  await expect(notice).not.toContainText("disabled");

  await server.start();
  await page.getByRole("button", { name: "Open" }).click();
  await page.getByRole("button", { name: "Count up" }).click();
  await expect(page.getByText("Counted once")).toBeVisible();
});
