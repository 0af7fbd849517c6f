import { render } from "preact";

import { App } from "./App";
import { loadOverview, loadSettings } from "./lib/api";
import styles from "./styles.css?inline";
import type { ToruPlugin } from "./toru";

const plugin: ToruPlugin = {
  async mount(container, api) {
    // What is thrown here is shown by the host, with a button to try again.
    const [overview, settings] = await Promise.all([loadOverview(api), loadSettings(api)]);
    if (api.signal.aborted) return;
    render(
      <>
        <style>{styles}</style>
        <App api={api} overview={overview} settings={settings} />
      </>,
      container,
    );
  },

  unmount(container) {
    // Ends all effects, and with them the stream, the timers and the listeners.
    render(null, container);
    container.replaceChildren();
  },
};

(window.ToruPlugins ??= {})["system-monitor"] = plugin;
