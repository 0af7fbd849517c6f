/** The appearance: what was chosen, what the system wants, and what follows from both. */

import type { ToruTheme } from "toru-plugin-ui";
import { Source } from "./source";

export type ThemeChoice = "system" | ToruTheme;

/** Also read by `theme.js`, before the first paint. */
const STORED = "toru-theme";

const systemDark = window.matchMedia("(prefers-color-scheme: dark)");

export const themeChoice = new Source<ThemeChoice>(storedChoice());
export const theme = new Source<ToruTheme>(effective());

export function chooseTheme(choice: ThemeChoice): void {
  try {
    if (choice === "system") localStorage.removeItem(STORED);
    else localStorage.setItem(STORED, choice);
  } catch {
    // Storage may be forbidden; then the choice holds for this page.
  }
  themeChoice.set(choice);
}

themeChoice.follow(apply);
systemDark.addEventListener("change", apply);
// Another tab of this interface has chosen.
window.addEventListener("storage", (event) => {
  if (event.key === STORED) themeChoice.set(storedChoice());
});
apply();

function apply(): void {
  const now = effective();
  document.documentElement.dataset["theme"] = now;
  theme.set(now);
}

function effective(): ToruTheme {
  if (themeChoice.value !== "system") return themeChoice.value;
  return systemDark.matches ? "dark" : "light";
}

function storedChoice(): ThemeChoice {
  try {
    const stored = localStorage.getItem(STORED);
    return stored === "light" || stored === "dark" ? stored : "system";
  } catch {
    return "system";
  }
}
