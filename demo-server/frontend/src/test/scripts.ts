/** Scripts that a test finishes by hand, instead of ones that are fetched and run. */

import { vi } from "vitest";
import type { ToruPlugin } from "toru-plugin-ui";

export interface Injected {
  script: HTMLScriptElement;
  url: string;
  /** The script was run, and registered this. */
  load(registered?: Record<string, unknown>): void;
  /** The script was run and threw, or could not be parsed. */
  throws(message: string, line?: number): void;
  error(): void;
}

/** Catches the scripts that are added to the page. */
export function catchScripts(): Injected[] {
  const injected: Injected[] = [];
  vi.spyOn(document.head, "append").mockImplementation((...nodes) => {
    for (const node of nodes) if (node instanceof HTMLScriptElement) injected.push(byHand(node));
  });
  return injected;
}

function byHand(script: HTMLScriptElement): Injected {
  const url = script.src;
  return {
    script,
    url,
    load(registered = {}) {
      Object.assign((window.ToruPlugins ??= {}), registered as Record<string, ToruPlugin>);
      script.dispatchEvent(new Event("load"));
    },
    throws(message, line = 1) {
      const error = new Error(message);
      const event = new ErrorEvent("error", { message: `Uncaught Error: ${message}`, filename: url, lineno: line, colno: 7, error });
      window.dispatchEvent(event);
      script.dispatchEvent(new Event("load"));
    },
    error() {
      script.dispatchEvent(new Event("error"));
    },
  };
}

export const noop = { mount() {}, unmount() {} };

/** Lets everything happen that needs no time. */
export async function settled(): Promise<void> {
  for (let turn = 0; turn < 20; turn += 1) await Promise.resolve();
}
