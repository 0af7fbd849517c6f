// The page of a plugin that was built without its frontend.
"use strict";

(() => {
  const markup = `
    <p>This plugin was built without its charts. In <code>examples/system-monitor/frontend</code>:</p>
    <pre>npm ci &amp;&amp; npm run build</pre>
    <p>Then build the plugin again and put it into the plugins folder. Its routes work all the same.</p>`;

  (window.ToruPlugins ??= {})["system-monitor"] = {
    mount(container) {
      container.innerHTML = markup;
    },
    unmount(container) {
      container.replaceChildren();
    },
  };
})();
