/** What administrators may see of a plugin's licence key: never the key itself. */

import { record, textOrNull } from "./plugin";
import type { Plugin } from "./plugin";

export interface PluginLicense {
  /** The key by its ends; null when the plugin has none. */
  key: { masked: string; isStored: boolean } | null;
  /** Whether the plugin has asked for its key since it was started last. */
  askedFor: boolean;
  /** Id of this installation, to which vendors bind their licences. */
  instanceId: string | null;
  /** The environment variable that may have the key. */
  variable: string;
}

export function decodeLicense(value: unknown): PluginLicense {
  const license = record(value);
  const key = license["key"] ? record(license["key"]) : null;
  return {
    // Only a stored key can be changed: what is not understood gets the fewest controls.
    key: key && { masked: textOrNull(key["masked"]) ?? "", isStored: key["source"] === "stored" },
    askedFor: license["asked_for"] === true,
    instanceId: textOrNull(license["instance_id"]),
    variable: textOrNull(license["variable"]) ?? "",
  };
}

/** Whether a plugin does not run because of its licence key. */
export function hasLicenseFault({ status }: Plugin): boolean {
  return status.error?.code.startsWith("license_") ?? false;
}
