/**
 * The contract between Toru's web interface (the host) and the frontend of a plugin.
 *
 * A plugin's frontend is one classic script. The host loads it when somebody opens the plugin's page, and expects it to
 * register an object with two functions under the plugin's id:
 *
 * ```js
 * (window.ToruPlugins ??= {}).hello = {
 *   mount(container, api) { container.textContent = `Hello from ${api.plugin.name}`; },
 *   unmount(container) { container.replaceChildren(); },
 * };
 * ```
 *
 * Nothing of the host's framework is shared. A plugin brings its own, or none. Its script runs with the full rights of
 * the signed-in user, in the same page as the host.
 *
 * ## Colours, spaces, fonts
 *
 * These custom properties are part of the contract and follow the theme by themselves. The host's other variables are
 * not, and may change at any time. Below the container no rule of the host's style sheet applies: elements look as the
 * browser draws them, and inherit font, text colour and line height.
 *
 * | Property | For |
 * | --- | --- |
 * | `--toru-color-bg` | the page behind everything |
 * | `--toru-color-surface` | cards, fields, tables on the page |
 * | `--toru-color-text` | text |
 * | `--toru-color-text-muted` | secondary text; readable on `bg` and on `surface` |
 * | `--toru-color-primary` | the accent: main buttons, links, selected things |
 * | `--toru-color-on-primary` | text on the accent |
 * | `--toru-color-border` | lines between things |
 * | `--toru-color-danger`, `-warning`, `-success` | text and icons that tell a state; readable on `bg` and on `surface` |
 * | `--toru-radius` | corners of cards and buttons |
 * | `--toru-space-1` to `--toru-space-6` | 4, 8, 12, 16, 24 and 32 px |
 * | `--toru-font`, `--toru-font-mono` | font families |
 * | `--toru-shadow-1` | the shadow of a card |
 */

/** The two appearances of the interface. */
export type ToruTheme = "light" | "dark";

/** What a toast tells; decides its icon, and how urgently screen readers speak it. */
export type ToruToastKind = "success" | "error" | "info" | "warning";

/** The plugin that a page belongs to. */
export interface ToruPluginIdentity {
  /** Its id, under which its frontend registers. */
  readonly id: string;
  /** Its name for people. */
  readonly name: string;
  /** Its version. */
  readonly version: string;
}

/** How to go to a page. */
export interface ToruNavigateOptions {
  /** Takes the place of the present entry of the history instead of adding one. */
  replace?: boolean;
}

/**
 * What the host offers to a mounted plugin.
 *
 * The object is frozen, belongs to one mount and ends with it: after `unmount`, `navigate` and `showToast` do nothing,
 * `fetch` rejects, and no callback is called any more. Members may be added in later versions of the host.
 */
export interface ToruApi {
  /** Version of this contract. New members do not change it; a changed meaning does. */
  readonly version: 1;

  /** The plugin that this page belongs to. */
  readonly plugin: ToruPluginIdentity;

  /**
   * Asks a route of this plugin's native part.
   *
   * `path` is relative to the plugin's own routes, with or without a slash at its start: `"items"` and `"/items"` are the
   * same. Absolute URLs, and paths that lead out of the plugin's routes, are refused.
   *
   * The session of the user goes along. The response is the browser's own, untouched: check `ok`, stream `body`. The
   * request is cancelled when the plugin is unmounted, in addition to a `signal` of yours.
   *
   * @throws {TypeError} (as a rejection) for a path that is refused, and when the server cannot be reached.
   * @throws {DOMException} `AbortError` (as a rejection) when the plugin was unmounted.
   */
  fetch(path: string, init?: RequestInit): Promise<Response>;

  /**
   * Goes to another page.
   *
   * `"/items/1"` is a page inside of the plugin, `"host:/plugins"` one of the host. The plugin stays mounted while the
   * user moves inside of it; see {@link onLocationChange}.
   *
   * @throws {TypeError} for an address that leads out of the plugin without `host:`.
   */
  navigate(to: string, options?: ToruNavigateOptions): void;

  /** Shows a short message. It is shown as text, never as markup. The default kind is `"info"`. */
  showToast(message: string, kind?: ToruToastKind): void;

  /** Aborted when the plugin is unmounted. Hand it to listeners, timers and requests of your own. */
  readonly signal: AbortSignal;

  /** The present appearance. Style sheets need not ask: the custom properties follow by themselves. */
  readonly theme: ToruTheme;

  /** Tells changes of the appearance, for what cannot use custom properties, such as charts. Returns what ends it. */
  onThemeChange(callback: (theme: ToruTheme) => void): () => void;

  /**
   * Where the user is inside of the plugin: the path after the plugin's root, `"/"` at the root itself, with query and
   * fragment where there are any. A link into the plugin, and a reload, start with it.
   */
  readonly location: string;

  /** Tells moves inside of the plugin, by `navigate` or by the browser's buttons. Returns what ends it. */
  onLocationChange(callback: (location: string) => void): () => void;
}

/**
 * What a plugin's script registers.
 *
 * `mount` and `unmount` come in pairs, many times in the life of a page, always with a new container. Two mounts of the same
 * plugin never overlap, unless one of them does not end in time.
 */
export interface ToruPlugin {
  /**
   * Shows the plugin in `container`, an empty element of the page that is the plugin's own.
   *
   * A promise that is returned is waited for, 10 seconds at most. A throw or a rejection is shown to the user, and then
   * `unmount` is not called: `api.signal` is aborted instead.
   */
  mount(container: HTMLElement, api: ToruApi): void | Promise<void>;

  /**
   * Ends what `mount` began: timers, listeners outside of the container, connections.
   *
   * A promise that is returned is waited for, 3 seconds at most. The container is removed afterwards in any case. Called for
   * each mount that succeeded, and for one that took too long.
   */
  unmount(container: HTMLElement): void | Promise<void>;
}

declare global {
  interface Window {
    /** Where scripts of plugins register, by the id of the plugin. */
    ToruPlugins?: Record<string, ToruPlugin>;
  }
}
