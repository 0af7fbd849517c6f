/** What screen readers are told besides what is on the page. */

import { Source } from "./source";

export interface Announcement {
  text: string;
  /** Grows, so that the same words are spoken again. */
  count: number;
}

export const polite = new Source<Announcement>({ text: "", count: 0 });
export const assertive = new Source<Announcement>({ text: "", count: 0 });

export function announce(text: string, urgency: "polite" | "assertive" = "polite"): void {
  const source = urgency === "assertive" ? assertive : polite;
  source.set({ text, count: source.value.count + 1 });
}
