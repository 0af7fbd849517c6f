// The page of the example plugin: a classic script without a build step.
"use strict";

(() => {
  const markup = `
    <style>
      .toru-notes {
        max-width: 36rem; padding: var(--toru-space-5);
        background: var(--toru-color-surface); border: 1px solid var(--toru-color-border);
        border-radius: var(--toru-radius); box-shadow: var(--toru-shadow-1);
      }
      .toru-notes h2 { margin: 0 0 var(--toru-space-4); font-size: 1.25rem; }
      .toru-notes form { display: flex; gap: var(--toru-space-2); margin: 0 0 var(--toru-space-4); }
      .toru-notes input {
        flex: 1; min-width: 0; padding: var(--toru-space-2); font: inherit; color: inherit;
        background: transparent; border: 1px solid var(--toru-color-border); border-radius: var(--toru-radius);
      }
      .toru-notes button { padding: var(--toru-space-2) var(--toru-space-4); font: inherit; cursor: pointer; border-radius: var(--toru-radius); }
      .toru-notes form button { color: var(--toru-color-on-primary); background: var(--toru-color-primary); border: 0; }
      .toru-notes li button { color: inherit; background: transparent; border: 1px solid var(--toru-color-border); }
      .toru-notes :is(button, input):focus-visible { outline: 2px solid var(--toru-color-primary); outline-offset: 2px; }
      .toru-notes ul { margin: 0; padding: 0; list-style: none; }
      .toru-notes li {
        display: flex; align-items: center; justify-content: space-between; gap: var(--toru-space-4);
        padding: var(--toru-space-2) 0; border-top: 1px solid var(--toru-color-border); overflow-wrap: anywhere;
      }
      .toru-notes p { margin: var(--toru-space-4) 0 0; color: var(--toru-color-text-muted); }
    </style>
    <div class="toru-notes">
      <h2>Notes</h2>
      <form><input name="text" aria-label="New note" maxlength="200" required><button>Add</button></form>
      <ul></ul>
      <p>Changes by others show at once. The notes last as long as the plugin runs.</p>
    </div>`;

  /** @type {import("toru-plugin-ui").ToruPlugin} */
  const notes = {
    async mount(container, api) {
      container.innerHTML = markup;
      const form = container.querySelector("form");
      const list = container.querySelector("ul");

      const ask = async (path, init) => {
        const response = await api.fetch(path, init);
        if (!response.ok) throw new Error(`the server answered with status ${response.status}`);
        return response;
      };
      const attempt = async (work) => {
        try {
          await work();
        } catch (error) {
          // Nothing to tell when the page was left meanwhile.
          if (!api.signal.aborted) api.showToast(error.message, "error");
        }
      };
      const show = async () => {
        const all = await (await ask("/list")).json();
        list.replaceChildren(
          ...all.map(({ id, text }) => {
            const item = document.createElement("li");
            const button = document.createElement("button");
            button.type = "button";
            button.textContent = "Remove";
            button.setAttribute("aria-label", `Remove “${text}”`);
            button.addEventListener("click", () => attempt(() => ask(`/list/${id}`, { method: "DELETE" })));
            item.append(text, button);
            return item;
          }),
        );
      };

      form.addEventListener("submit", (event) => {
        event.preventDefault();
        attempt(async () => {
          const body = JSON.stringify({ text: form.elements.text.value });
          await ask("/list", { method: "POST", headers: { "content-type": "application/json" }, body });
          form.reset();
        });
      });

      // What is thrown here is shown by the host, with a button to try again.
      const events = (await ask("/events")).body.getReader();
      await show();
      const follow = async () => {
        for (;;) {
          const { done } = await events.read();
          if (done) return;
          await show();
        }
      };
      // Ends with the page, whose signal ends the request, or with the plugin, of which the host tells.
      follow().catch(() => {});
    },

    unmount(container) {
      container.replaceChildren();
    },
  };

  (window.ToruPlugins ??= {}).notes = notes;
})();
