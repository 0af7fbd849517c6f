import { defineConfig } from "@playwright/test";
import { artifacts } from "./e2e/support/artifacts";

export default defineConfig({
  testDir: "e2e",
  outputDir: `${artifacts.output}/results`,
  globalSetup: "./e2e/support/check.ts",
  // Each test has a server of its own, so that they may run side by side; the machine may be small and busy.
  fullyParallel: true,
  workers: 2,
  retries: 0,
  timeout: 90_000,
  expect: { timeout: 20_000 },
  forbidOnly: Boolean(process.env["CI"]),
  reporter: "list",
  use: {
    browserName: "chromium",
    launchOptions: { executablePath: artifacts.chromium },
    locale: "en-GB",
    timezoneId: "UTC",
    screenshot: "only-on-failure",
    trace: process.env["TORU_E2E_TRACE"] ? "retain-on-failure" : "off",
  },
  projects: [
    { name: "e2e", testMatch: "*.spec.ts" },
    { name: "screenshots", testMatch: "screenshots.ts", timeout: 300_000 },
  ],
});
