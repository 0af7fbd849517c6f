// The page of the licensed plugin: whose licence it runs with.
"use strict";

(() => {
  const markup = `
    <style>
      .toru-licensed {
        max-width: 28rem; padding: var(--toru-space-5);
        background: var(--toru-color-surface); border: 1px solid var(--toru-color-border);
        border-radius: var(--toru-radius); box-shadow: var(--toru-shadow-1);
      }
      .toru-licensed h2 { margin: 0 0 var(--toru-space-2); font-size: 1.25rem; overflow-wrap: anywhere; }
      .toru-licensed p { margin: 0; color: var(--toru-color-text-muted); }
    </style>
    <div class="toru-licensed">
      <h2>…</h2>
      <p></p>
    </div>`;

  /** @type {import("toru-plugin-ui").ToruPlugin} */
  const licensed = {
    async mount(container, api) {
      container.innerHTML = markup;
      const response = await api.fetch("/license");
      if (!response.ok) throw new Error(`the server answered with status ${response.status}`);
      const { licensee, expires, features } = await response.json();
      container.querySelector("h2").textContent = `Licensed to ${licensee ?? "the bearer"}`;
      const until = expires ? `until the end of ${expires} (UTC)` : "without an end";
      const unlocked = features.length > 0 ? `, with ${features.join(", ")}` : "";
      container.querySelector("p").textContent = `Valid ${until}${unlocked}.`;
    },

    unmount(container) {
      container.replaceChildren();
    },
  };

  (window.ToruPlugins ??= {}).licensed = licensed;
})();
