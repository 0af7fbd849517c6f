/** Pictures of every page and state, to look at: `npm run screenshots`. Also makes those of the README. */

import { mkdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { artifacts } from "./support/artifacts";
import { compile, hello, licensed } from "./support/libraries";
import { changed, issue } from "./support/licenses";
import { script } from "./support/scripts";
import type { Server } from "./support/server";
import { expect, test, ui } from "./support/test";
import type { Page } from "./support/test";

const WIDTHS = [360, 768, 1280];
const THEMES = ["light", "dark"] as const;
/** Most bytes of a picture in the README. */
const README_MAX = 200_000;

interface Shot {
  name: string;
  path: string;
  /** Nobody is signed in. */
  isPublic?: boolean;
  /** Waits until it is there, or makes it so. */
  prepare(page: Page, server: Server): Promise<unknown>;
}

const visible = (text: string) => (page: Page) => expect(page.getByRole("main").getByText(text).first()).toBeVisible();

const shots: Shot[] = [
  { name: "sign-in", path: "/login", isPublic: true, prepare: (page) => expect(ui.heading(page, "Sign in")).toBeVisible() },
  {
    name: "sign-in-wrong",
    path: "/login",
    isPublic: true,
    prepare: async (page) => {
      await page.getByLabel("User name").fill("admin");
      await page.getByLabel("Password").fill("not the password");
      await page.getByRole("button", { name: "Sign in" }).click();
      await expect(page.getByText("User name or password is wrong.")).toBeVisible();
    },
  },
  {
    name: "plugins-loading",
    path: "/login",
    prepare: async (page) => {
      await page.route("**/api/plugins", () => {});
      await page.goto("/plugins");
      await expect(page.getByRole("status", { name: "Loading" })).toBeVisible();
    },
  },
  { name: "plugins", path: "/plugins", prepare: visible("Failed to start") },
  {
    name: "plugins-search",
    path: "/plugins",
    prepare: async (page) => {
      await page.getByRole("searchbox").fill("nothing like it");
      await visible("No plugin matches")(page);
    },
  },
  {
    name: "plugins-message",
    path: "/plugins",
    prepare: async (page) => {
      await page.getByRole("button", { name: "Scan now" }).click();
      await expect(page.getByText(/^Scanned:/)).toBeVisible();
    },
  },
  {
    name: "plugins-unreachable",
    path: "/login",
    prepare: async (page) => {
      await page.route("**/api/plugins", (route) => route.fulfill({ status: 404, json: { title: "No", detail: "there is no such thing", reference: "a1b2c3" } }));
      await page.goto("/plugins");
      await visible("could not be read")(page);
    },
  },
  { name: "details", path: "/plugins/hello", prepare: visible("Stored data") },
  { name: "details-failed", path: "/plugins/mailer", prepare: visible("Start again") },
  {
    name: "details-license",
    path: "/plugins/licensed",
    prepare: async (page, server) => {
      await server.license(await issue({ instance: await server.instance() }));
      await expect(page.getByRole("link", { name: "Open", exact: true })).toBeVisible();
    },
  },
  {
    name: "details-license-removal",
    path: "/plugins/licensed",
    prepare: (page) => page.getByRole("button", { name: "Remove", exact: true }).click(),
  },
  {
    name: "details-license-environment",
    path: "/login",
    prepare: async (page) => {
      const key = { masked: "toru1.ed25519.example.…IzNA", source: "environment" };
      await page.route("**/-/license", async (route) => {
        const response = await route.fetch();
        await route.fulfill({ response, json: { ...(await response.json()), key } });
      });
      await page.goto("/plugins/licensed");
      await visible("Change the variable")(page);
    },
  },
  {
    name: "details-no-license",
    path: "/plugins/licensed",
    prepare: async (page, server) => {
      await server.ask("DELETE", "/api/plugins/licensed/-/license");
      await visible("Key from the vendor")(page);
    },
  },
  {
    name: "details-license-refused",
    path: "/plugins/licensed",
    prepare: async (page, server) => {
      await ui.licenseField(page).fill(changed(await issue({ instance: await server.instance() })));
      await page.getByRole("button", { name: "Save key" }).click();
      await visible("does not accept this key")(page);
    },
  },
  { name: "details-update", path: "/plugins/notes", prepare: visible("is ready") },
  { name: "details-unknown", path: "/plugins/unknown", prepare: visible("The server knows no plugin") },
  { name: "view", path: "/p/hello", prepare: visible("Hello, world!") },
  { name: "view-failed", path: "/p/charts", prepare: visible("could not show its page") },
  {
    name: "view-failed-details",
    path: "/p/charts",
    prepare: (page) => page.getByText("Details for its author").click(),
  },
  { name: "view-none", path: "/p/backup", prepare: visible("has no page of its own") },
  { name: "view-disabled", path: "/p/weather", prepare: visible("is disabled") },
  { name: "view-unknown", path: "/p/nowhere", prepare: visible("No plugin has the address") },
  { name: "not-found", path: "/nowhere", prepare: (page) => expect(page.getByRole("heading", { level: 1 })).toBeVisible() },
];

const notes = (version: string) =>
  compile({
    id: "notes",
    name: "Notes",
    version,
    icon: "📝",
    description: "Short texts that everybody who is signed in can read and change",
    bundle: script("notes"),
  });

async function furnished(launch: (options: object) => Promise<Server>): Promise<Server> {
  const plugins = [
    hello,
    licensed,
    await notes("1.4.2"),
    await compile({ id: "backup", name: "Backup", icon: "💾", description: "Copies what plugins have stored to another place, every night" }),
    await compile({ id: "weather", name: "Weather", icon: "🌦️", description: "What the sky over the office looks like", bundle: script("weather") }),
    await compile({
      id: "charts",
      name: "Charts",
      icon: "",
      version: "0.3.0-beta.2",
      bundle: script("charts", { mount: `throw new TypeError("Cannot read properties of undefined (reading 'series')");` }),
    }),
    await compile({
      id: "mailer",
      name: "Mailer",
      icon: "📮",
      description: "Sends messages that other parts of the application ask for",
      failure: "the server mail.example.org refused the connection on port 587 after 3 attempts",
    }),
    await compile({
      id: "long",
      name: "A plugin whose author could not decide what to leave out, so no",
      author: "The Association of Authors of Long Names and of Even Longer Descriptions",
      description: `${"It does a great many things, of which each one would be worth a sentence. ".repeat(5)}`,
      version: "12.34.56-nightly.20260101",
      icon: "🦕",
      bundle: script("long"),
    }),
  ];
  const server = await launch({ plugins, enabled: ["hello", "notes", "backup", "charts", "long"] });
  for (const id of ["mailer", "licensed"]) await server.enable(id).catch(() => {});
  await server.put("readme.so", "this is no library\n");
  await server.install(await notes("1.5.0"));
  await server.scan();
  for (let count = 0; count < 3; count += 1) await server.api("POST", "/api/plugins/hello/count");
  return server;
}

for (const theme of THEMES) {
  test(`every page and state, ${theme}`, async ({ launch, visit, trouble }) => {
    trouble.provoke(/status of 40[14]/);
    const server = await furnished(launch);
    for (const width of WIDTHS) {
      const viewport = { width, height: width < 768 ? 740 : 860 };
      const folder = join(artifacts.screenshots, theme, String(width));
      await mkdir(folder, { recursive: true });
      const take = async (page: Page, name: string) => {
        // As high as the page, so that what sticks to the window is where it belongs.
        const whole = name === "menu" ? 0 : await page.evaluate(() => document.documentElement.scrollHeight);
        await page.setViewportSize({ width, height: Math.max(whole, viewport.height) });
        await page.screenshot({ path: join(folder, `${name}.png`), animations: "disabled" });
        await page.setViewportSize(viewport);
      };
      const signedIn = await visit(server, "/plugins", { viewport, colorScheme: theme });
      const guest = await visit(server, "/login", { viewport, colorScheme: theme, as: null });
      for (const { name, path, isPublic, prepare } of shots) {
        const page = isPublic ? guest : signedIn;
        await page.goto(path);
        await prepare(page, server);
        await take(page, name);
        await page.unrouteAll({ behavior: "ignoreErrors" });
      }
      if (width < 768) {
        await signedIn.goto("/plugins");
        await signedIn.getByRole("button", { name: "Open menu" }).click();
        await expect(signedIn.getByRole("dialog", { name: "Menu" })).toBeVisible();
        await take(signedIn, "menu");
      }
    }
  });
}

test("no plugins, and too many", async ({ launch, visit }) => {
  const numbers = Array.from({ length: 24 }, (_, index) => index + 1);
  const many = await Promise.all(numbers.map((number) => compile({ id: `p${number}`, name: `Tool ${number}`, icon: "🔧", bundle: script(`p${number}`) })));
  const states = { empty: await launch(), many: await launch({ plugins: many, enabled: many.map(({ id }) => id) }) };
  for (const [name, server] of Object.entries(states)) {
    for (const theme of THEMES) {
      for (const width of WIDTHS) {
        const page = await visit(server, "/plugins", { viewport: { width, height: 740 }, colorScheme: theme });
        await expect(page.getByRole("main").getByText(name === "empty" ? "No plugins yet" : "Tool 24")).toBeVisible();
        await page.screenshot({ path: join(artifacts.screenshots, theme, String(width), `plugins-${name}.png`), animations: "disabled" });
        await page.context().close();
      }
    }
  }
});

test("the pictures of the README", async ({ launch, visit }) => {
  const plugins = [
    hello,
    await compile({ id: "notes", name: "Notes", version: "1.4.2", icon: "📝", description: "Short texts that everybody can read and change", bundle: script("notes") }),
    await compile({ id: "backup", name: "Backup", version: "2.0.1", icon: "💾", description: "Copies what plugins have stored, every night" }),
    await compile({ id: "mailer", name: "Mailer", icon: "📮", description: "Sends what other plugins ask for", failure: "mail.example.org refused the connection" }),
  ];
  const server = await launch({ plugins, enabled: ["hello", "notes"] });
  await server.enable("mailer").catch(() => {});
  for (const theme of THEMES) {
    const page = await visit(server, "/plugins", { viewport: { width: 1200, height: 704 }, colorScheme: theme });
    await expect(ui.card(page, "Mailer")).toContainText("Failed to start");
    const folder = join(artifacts.root, "docs");
    await mkdir(folder, { recursive: true });
    const path = join(folder, `screenshot-${theme}.png`);
    await page.screenshot({ path, animations: "disabled" });
    expect((await stat(path)).size, `${path} is too large for a README`).toBeLessThan(README_MAX);
  }
});
