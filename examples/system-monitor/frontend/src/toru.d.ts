/**
 * The part of the contract with Toru's web interface that this page uses. The package `toru-plugin-ui` describes it as a
 * whole; it is repeated here so that this folder can be copied and built alone.
 */

export type ToruToastKind = "success" | "error" | "info" | "warning";

export interface ToruApi {
  /** Asks a route of this plugin; cancelled at unmount. */
  fetch(path: string, init?: RequestInit): Promise<Response>;
  showToast(message: string, kind?: ToruToastKind): void;
  /** Aborted at unmount. */
  readonly signal: AbortSignal;
}

export interface ToruPlugin {
  mount(container: HTMLElement, api: ToruApi): void | Promise<void>;
  unmount(container: HTMLElement): void | Promise<void>;
}

declare global {
  interface Window {
    ToruPlugins?: Record<string, ToruPlugin>;
  }
}
