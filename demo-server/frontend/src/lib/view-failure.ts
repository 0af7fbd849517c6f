/** Why a plugin's page is not shown. */

export type ViewStage = "load" | "evaluate" | "register" | "mount";

export type ViewFailureCode =
  | "not-found"
  | "forbidden"
  | "unauthenticated"
  | "disabled"
  | "not-running"
  | "network"
  | "server-error"
  | "wrong-content-type"
  | "wrong-content"
  | "load-timeout"
  | "unexpected"
  | "evaluation"
  | "not-registered"
  | "wrong-id"
  | "no-mount"
  | "mount-failed"
  | "mount-timeout";

export class ViewFailure extends Error {
  override readonly name = "ViewFailure";
  readonly stage: ViewStage;
  readonly code: ViewFailureCode;
  /** For whoever looks into it: addresses, statuses, stack traces. */
  readonly details: string;

  constructor(stage: ViewStage, code: ViewFailureCode, message: string, details = "") {
    super(message);
    this.stage = stage;
    this.code = code;
    this.details = details;
  }
}

/** What was thrown, in words: plugins may throw anything. */
export function thrownWords(thrown: unknown): { message: string; details: string } {
  if (thrown instanceof Error) return { message: thrown.message || thrown.name, details: thrown.stack ?? "" };
  try {
    return { message: String(thrown), details: "" };
  } catch {
    return { message: "something that cannot be shown", details: "" };
  }
}
