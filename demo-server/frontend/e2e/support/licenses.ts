/** Licence keys of the example's vendor, issued by the vendor's own program. */

import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { artifacts } from "./artifacts";

export interface Terms {
  /** Id of the installation. */
  instance: string;
  plugin?: string;
  licensee?: string;
  /** The first and the last day. */
  issued?: string;
  expires?: string;
}

const run = promisify(execFile);
const vendorKey = readFileSync(join(artifacts.root, "examples/licensed-plugin/example-key.json"), "utf8");

export async function issue({ plugin = "licensed", licensee = "Miller & Sons", ...terms }: Terms): Promise<string> {
  const options = Object.entries({ plugin, licensee, ...terms }).flatMap(([name, value]) => [`--${name}`, value]);
  const { stdout } = await run(artifacts.licenseGenerator, ["issue", ...options], { env: { TORU_VENDOR_KEY: vendorKey } });
  return stdout.trim();
}

/** The same licence for somebody else, under the old signature. */
export function changed(key: string): string {
  const parts = key.split(".");
  const payload = Buffer.from(parts[3] ?? "", "base64url").toString().replace("Miller", "Muller");
  return [...parts.slice(0, 3), Buffer.from(payload).toString("base64url"), ...parts.slice(4)].join(".");
}

/** What of a key nobody may ever be told: what it says, and its signature. */
export function secretsOf(key: string): string[] {
  return key.split(".").slice(3);
}
