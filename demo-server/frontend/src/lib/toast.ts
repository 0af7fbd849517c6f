/** Short messages. Errors are also spoken at once; all others when the reader has time. */

import { toast } from "sonner";
import type { ToruToastKind } from "toru-plugin-ui";
import { announce } from "./announce";

export function showToast(message: string, kind: ToruToastKind = "info"): void {
  toast[kind](message);
  if (kind === "error") announce(message, "assertive");
}
