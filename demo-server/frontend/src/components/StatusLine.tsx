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

export interface StatusLineProps {
  state: PluginState;
  since?: string;
  /** It was so once, and is not going on. */
  isPast?: boolean;
}

/** A state as an icon and words, never by colour alone. */
export function StatusLine({ state, since = "", isPast = false }: StatusLineProps) {
  const tone = stateTone(state);
  const [Icon, color] = TONES[tone];
  return (
    <p className="flex items-start gap-2">
      <Icon className={`mt-0.75 size-4.5 shrink-0 ${color} ${tone === "busy" && !isPast ? "motion-safe:animate-spin" : ""}`} aria-hidden />
      <span>
        <span className={`font-medium ${color}`}>{stateLabel(state)}</span>{" "}
        {since && <span className="ml-1 text-small whitespace-nowrap text-muted">{since}</span>}
      </span>
    </p>
  );
}
