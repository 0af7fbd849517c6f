/** What no page may cause, and what it may cause only where a test provokes it. */

import type { BrowserContext } from "@playwright/test";

/** Violations of the page's policy reach the test through this function. */
const VIOLATION = "toruE2eViolation";

/** Browsers log each answer with an error status; that nobody is signed in yet is told by one. */
const USUAL = [/status of 401 .*\/api\/session/];

export class Trouble {
  /** Never allowed: a part of the page tried what its policy forbids, or opened a dialog. */
  readonly forbidden: string[] = [];
  readonly #errors: string[] = [];
  readonly #provoked: RegExp[] = [...USUAL];

  /** Errors that match belong to what the test does. */
  provoke(...errors: RegExp[]): void {
    this.#provoked.push(...errors);
  }

  /** The test has looked at what is forbidden itself. */
  forget(): void {
    this.forbidden.length = 0;
  }

  get errors(): string[] {
    return this.#errors.filter((error) => !this.#provoked.some((provoked) => provoked.test(error)));
  }

  async watch(context: BrowserContext): Promise<void> {
    await context.exposeFunction(VIOLATION, (words: string) => void this.forbidden.push(`policy: ${words}`));
    await context.addInitScript((name) => {
      document.addEventListener("securitypolicyviolation", (event) => {
        const report = (window as unknown as Record<string, (words: string) => void>)[name];
        report?.(`${event.effectiveDirective} forbids ${event.blockedURI} in ${event.sourceFile}:${event.lineNumber} on ${location.href}`);
      });
    }, VIOLATION);
    context.on("console", (message) => {
      const text = `${message.text()} ${message.location().url}`;
      if (/content security policy|\bcsp\b/i.test(text)) this.forbidden.push(text);
      else if (message.type() === "error") this.#errors.push(text);
    });
    context.on("weberror", (error) => void this.#errors.push(`${error.error().name}: ${error.error().message}\n${error.error().stack}`));
    context.on("dialog", (dialog) => {
      this.forbidden.push(`dialog: ${dialog.message()}`);
      void dialog.dismiss();
    });
  }
}
