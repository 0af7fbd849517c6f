/** Scripts for the pages of plugins, as authors might write them. They note what is called in `window.seen`. */

export interface Parts {
  /** Bodies of functions; `container` and `api` are what they are called with. */
  mount?: string;
  unmount?: string;
  /** Runs when the script does, before anything is registered. */
  first?: string;
  /** Another name to register under. */
  registerAs?: string;
}

export function script(id: string, parts: Parts = {}): string {
  const name = JSON.stringify(id);
  const show = `container.innerHTML = "<h2>Page of " + ${name} + "</h2>";`;
  return `"use strict";
(() => {
  const seen = (window.seen ??= []);
  ${parts.first ?? ""}
  (window.ToruPlugins ??= {})[${JSON.stringify(parts.registerAs ?? id)}] = {
    mount(container, api) { seen.push("mount " + ${name}); ${parts.mount ?? show} },
    unmount(container) { seen.push("unmount " + ${name}); ${parts.unmount ?? "container.replaceChildren();"} },
  };
})();
`;
}

/** What the scripts have noted, in order. */
export function seen(): string[] {
  return (window as unknown as { seen?: string[] }).seen ?? [];
}
