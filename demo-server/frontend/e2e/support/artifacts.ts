/** What was built before the tests, and the programs that they use. `cargo xtask e2e` names all of it by these variables. */

import { accessSync, constants } from "node:fs";
import { delimiter, join, resolve } from "node:path";

const root = resolve(import.meta.dirname, "../../../..");
const target = process.env["CARGO_TARGET_DIR"] ?? join(root, "target");

export const artifacts = {
  root,
  server: process.env["TORU_E2E_SERVER"] ?? join(target, "debug/demo-server"),
  helloPlugin: process.env["TORU_E2E_HELLO_PLUGIN"] ?? join(target, "release/libhello_plugin.so"),
  licensedPlugin: process.env["TORU_E2E_LICENSED_PLUGIN"] ?? join(target, "release/liblicensed_plugin.so"),
  licenseGenerator: process.env["TORU_E2E_LICENSE_GENERATOR"] ?? join(target, "debug/license-generator"),
  chromium: process.env["TORU_E2E_CHROMIUM"] ?? inPath("chromium") ?? "/usr/bin/chromium",
  /** The C compiler, in words. */
  cc: (process.env["CC"] ?? "cc").split(/\s+/).filter(Boolean),
  /** For what the tests write that is worth keeping. */
  output: join(target, "e2e"),
  screenshots: join(target, "screenshots"),
};

function inPath(name: string): string | undefined {
  const folders = (process.env["PATH"] ?? "").split(delimiter);
  return folders.map((folder) => join(folder, name)).find(isProgram);
}

export function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
