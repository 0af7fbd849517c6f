/** The status of a plugin in words, with the reason when it does not run although it should. */

import { formatAgo } from "./format";
import type { Plugin, PluginState } from "./plugin";

export type Tone = "success" | "danger" | "warning" | "muted" | "busy";

export interface StatusWords {
  tone: Tone;
  label: string;
  /** Why, when there is something to explain. */
  reason: string | null;
}

const LABELS: Record<PluginState, [Tone, string]> = {
  enabled: ["success", "Running"],
  disabled: ["muted", "Disabled"],
  failed: ["danger", "Failed to start"],
  missing: ["warning", "File is missing"],
  quarantined: ["danger", "Stopped after repeated failures"],
  starting: ["busy", "Starting"],
  stopping: ["busy", "Stopping"],
  unknown: ["muted", "In a state that this page does not know"],
};

const STAGES: Record<string, string> = {
  check: "while its file was checked; none of its code has run",
  open: "while its library was opened",
  create: "while its instance was created",
  init: "while it was initialised",
  register: "while it registered its routes and files",
  run: "while it was running",
};

export function stateLabel(state: PluginState): string {
  return LABELS[state][1];
}

export function stateTone(state: PluginState): Tone {
  return LABELS[state][0];
}

/** How far a plugin had come when it failed. */
export function stageWords(stage: string): string {
  return STAGES[stage] ?? stage;
}

export function statusWords(plugin: Plugin): StatusWords {
  const { state, error, desired } = plugin.status;
  const [tone, label] = LABELS[state];
  return { tone, label, reason: error ? sentence(error.message) : quietReason(state, desired) };
}

function quietReason(state: PluginState, desired: Plugin["status"]["desired"]): string | null {
  if (state === "missing") return "Its file is no longer in the plugins folder. Put it back and scan.";
  if (state === "disabled" && desired === "enabled") return "It is asked to run, and waits for its start.";
  return null;
}

/** Since when, for people; empty when the server does not tell. */
export function sinceWords(plugin: Plugin, now = Date.now()): string {
  return plugin.status.since > 0 ? formatAgo(plugin.status.since, now) : "";
}

/** The server's messages start lower case and have no full stop, so that they can be joined; alone they are sentences. */
export function sentence(message: string): string {
  const trimmed = message.trim();
  if (trimmed === "") return trimmed;
  const first = trimmed.charAt(0).toUpperCase() + trimmed.slice(1);
  return /[.!?…]$/.test(first) ? first : `${first}.`;
}
