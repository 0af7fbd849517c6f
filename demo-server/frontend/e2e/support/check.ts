/** Looks, before any test runs, whether what they need is there. */

import { existsSync } from "node:fs";
import { artifacts, isProgram } from "./artifacts";

export default function check(): void {
  const missing = [
    !isProgram(artifacts.server) && `the demo server (${artifacts.server})`,
    !existsSync(artifacts.helloPlugin) && `the example plugin (${artifacts.helloPlugin})`,
    !existsSync(artifacts.licensedPlugin) && `the example plugin that needs a licence (${artifacts.licensedPlugin})`,
    !isProgram(artifacts.licenseGenerator) && `the program that issues licences (${artifacts.licenseGenerator})`,
    !isProgram(artifacts.chromium) && `Chromium (${artifacts.chromium}; apt-get install chromium, or TORU_E2E_CHROMIUM)`,
  ].filter(Boolean);
  if (missing.length > 0) {
    throw new Error(`missing: ${missing.join(", ")}.\n\`cargo xtask e2e\` builds what the tests need and runs them.`);
  }
}
