import { CircleCheck, CircleDashed, CircleX, LoaderCircle, TriangleAlert } from "lucide-react";
import { stateLabel, stateTone } from "../lib/status";
import type { Tone } from "../lib/status";
import type { PluginState } from "../lib/plugin";

const TONES: Record<Tone, [typeof CircleCheck, string]> = {
  success: [CircleCheck, "text-success"],
  danger: [CircleX, "text-danger"],
  warning: [TriangleAlert, "text-warning"],
  muted: [CircleDashed, "text-muted"],
  busy: [LoaderCircle, "text-primary"],
};

/** A state as an icon and words, never by colour alone. */
export function StatusLine({ state, since = "" }: { state: PluginState; since?: string }) {
  const tone = stateTone(state);
  const [Icon, color] = TONES[tone];
  return (
    <p className="flex items-center gap-2">
      <Icon className={`size-4.5 shrink-0 ${color} ${tone === "busy" ? "motion-safe:animate-spin" : ""}`} aria-hidden />
      <span className={`font-medium ${color}`}>{stateLabel(state)}</span>
      {since && <span className="text-small text-muted">{since}</span>}
    </p>
  );
}
