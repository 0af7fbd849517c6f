/** What every test starts from. */

import { test as base, expect } from "@playwright/test";
import type { BrowserContextOptions, Locator, Page } from "@playwright/test";
import type { Library } from "./libraries";
import { ADMIN, Server } from "./server";
import { Trouble } from "./trouble";

export { expect };
export type { Locator, Page };

interface Launch {
  plugins?: readonly Library[];
  /** Ids of those that run already. */
  enabled?: readonly string[];
}

interface Visit extends BrowserContextOptions {
  /** Who is signed in; null for nobody. */
  as?: { name: string; password: string } | null;
  /** Whether the test may move the page's time on. */
  clock?: boolean;
}

interface Fixtures {
  /** Starts a server, which ends with the test. */
  launch(options?: Launch): Promise<Server>;
  /** A page in a browser of its own, signed in as the administrator unless it is said otherwise. */
  visit(server: Server, path: string, options?: Visit): Promise<Page>;
  trouble: Trouble;
}

export const test = base.extend<Fixtures>({
  launch: async ({}, use, info) => {
    const servers: Server[] = [];
    await use(async ({ plugins = [], enabled = [] } = {}) => {
      const server = await Server.create();
      servers.push(server);
      for (const library of plugins) await server.install(library);
      await server.start();
      await server.enable(...enabled);
      return server;
    });
    for (const server of servers) {
      await server.remove();
      if (info.status !== info.expectedStatus) {
        await info.attach("the server's log", { body: server.log, contentType: "text/plain" });
      }
    }
  },

  trouble: async ({}, use) => {
    const trouble = new Trouble();
    await use(trouble);
    expect(trouble.forbidden, "what the page's policy forbids, and dialogs").toEqual([]);
    expect(trouble.errors, "errors in the browser's console; trouble.provoke() names those that a test means to cause").toEqual([]);
  },

  visit: async ({ browser, trouble }, use) => {
    const contexts: { close(): Promise<void> }[] = [];
    await use(async (server, path, { as = ADMIN, clock = false, ...options } = {}) => {
      const context = await browser.newContext({ baseURL: server.url, reducedMotion: "reduce", ...options });
      contexts.push(context);
      await trouble.watch(context);
      if (clock) await context.clock.install();
      if (as) {
        const data = { username: as.name, password: as.password };
        expect((await context.request.post("/api/session", { data })).status(), "signing in").toBe(200);
      }
      const page = await context.newPage();
      await page.goto(path);
      return page;
    });
    for (const context of contexts) await context.close();
  },
});

/** Parts of the interface, as users know them. */
export const ui = {
  card: (page: Page, name: string): Locator => page.getByRole("article", { name, exact: true }),
  toggle: (page: Page, name: string): Locator => page.getByRole("switch", { name: `Enable ${name}`, exact: true }),
  sidebar: (page: Page): Locator => page.getByRole("navigation", { name: "Main" }),
  entry: (page: Page, name: string): Locator => ui.sidebar(page).getByRole("link", { name, exact: true }),
  heading: (page: Page, name: string): Locator => page.getByRole("heading", { name, exact: true, level: 1 }),
  license: (page: Page): Locator => page.getByRole("region", { name: "Licence key", exact: true }),
  licenseField: (page: Page): Locator => ui.license(page).getByRole("textbox", { name: "Key from the vendor" }),
  failure: (page: Page): Locator => page.getByRole("alert").filter({ has: page.getByRole("button", { name: "Retry" }) }),
};
