// The page of the example plugin: a classic script without a build step, which is all that a frontend needs to be.
"use strict";

(() => {
  const markup = `
    <style>
      .toru-hello {
        max-width: 28rem; padding: var(--toru-space-5);
        background: var(--toru-color-surface); border: 1px solid var(--toru-color-border);
        border-radius: var(--toru-radius); box-shadow: var(--toru-shadow-1);
      }
      .toru-hello h2 { margin: 0 0 var(--toru-space-2); font-size: 1.25rem; overflow-wrap: anywhere; }
      .toru-hello p { margin: 0 0 var(--toru-space-4); color: var(--toru-color-text-muted); }
      .toru-hello output { color: var(--toru-color-text); font-weight: 600; }
      .toru-hello button {
        padding: var(--toru-space-2) var(--toru-space-4); font: inherit; font-weight: 500; cursor: pointer;
        color: var(--toru-color-on-primary); background: var(--toru-color-primary);
        border: 0; border-radius: var(--toru-radius);
      }
      .toru-hello button:focus-visible { outline: 2px solid var(--toru-color-primary); outline-offset: 2px; }
    </style>
    <div class="toru-hello">
      <h2>…</h2>
      <p>Counted <output>…</output> so far, by everyone who was here. The count outlives restarts of the server.</p>
      <button type="button">Count up</button>
    </div>`;

  /** @type {import("toru-plugin-ui").ToruPlugin} */
  const hello = {
    async mount(container, api) {
      container.innerHTML = markup;
      const heading = container.querySelector("h2");
      const output = container.querySelector("output");

      const ask = async (path, init) => {
        const response = await api.fetch(path, init);
        if (!response.ok) throw new Error(`the server answered with status ${response.status}`);
        return response.json();
      };
      const show = ({ count }) => {
        output.textContent = count === 1 ? "once" : `${count} times`;
      };

      container.querySelector("button").addEventListener("click", async () => {
        try {
          show(await ask("/count", { method: "POST" }));
        } catch (error) {
          // Nothing to tell when the page was left meanwhile.
          if (!api.signal.aborted) api.showToast(`Not counted: ${error.message}`, "error");
        }
      });

      // What is thrown here is shown by the host, with a button to try again.
      const [greeting, counted] = await Promise.all([ask("/greeting/world"), ask("/count")]);
      heading.textContent = greeting.message;
      show(counted);
    },

    unmount(container) {
      // Timers, and listeners elsewhere in the page, would end here. Requests end by themselves.
      container.replaceChildren();
    },
  };

  (window.ToruPlugins ??= {}).hello = hello;
})();
