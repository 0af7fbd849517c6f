/** The stream of changes: what its events mean for the list, and how a tab stays connected to it. */

import { decodePlugin, decodePlugins, record, textOrNull } from "./plugin";
import type { Plugin, PluginList } from "./plugin";
import { apiPaths } from "./paths";

export type PluginEvent =
  | { kind: "snapshot"; plugins: Plugin[] }
  | { kind: "changed"; plugin: Plugin }
  | { kind: "removed"; id: string };

/** The list after an event. What the stream does not tell (rejected files, notices) stays. */
export function applyEvent(list: PluginList, event: PluginEvent): PluginList {
  switch (event.kind) {
    case "snapshot":
      return { ...list, plugins: event.plugins };
    case "removed":
      return { ...list, plugins: list.plugins.filter((plugin) => plugin.id !== event.id) };
    case "changed":
      return replacePlugin(list, event.plugin);
  }
}

/** The list with a plugin in its present form, in its place by id. */
export function replacePlugin(list: PluginList, plugin: Plugin): PluginList {
  const others = list.plugins.filter((other) => other.id !== plugin.id);
  const plugins = [...others, plugin].toSorted((a, b) => (a.id < b.id ? -1 : 1));
  return { ...list, plugins };
}

/** The event that a message holds; null for one that this page does not understand. */
export function decodeEvent(name: string, data: string): PluginEvent | null {
  let value: unknown;
  try {
    value = JSON.parse(data);
  } catch {
    return null;
  }
  if (name === "snapshot") return { kind: "snapshot", plugins: decodePlugins(record(value)["plugins"]) };
  if (name === "removed") {
    const id = textOrNull(record(value)["id"]);
    return id === null ? null : { kind: "removed", id };
  }
  const plugin = decodePlugin(value);
  return plugin && { kind: "changed", plugin };
}

/** The names under which servers tell of a changed plugin. */
const CHANGED = ["changed", "plugin"];

const FIRST_PAUSE_MS = 2000;
const LONGEST_PAUSE_MS = 30_000;

export interface EventConnection {
  /** Connects at once if the stream is down, for instance because somebody looks at the page again. */
  wake(): void;
  close(): void;
}

export interface EventHandlers {
  onEvent(event: PluginEvent): void;
  /** The stream is refused. Resolves to whether there is still a session; without one there is no point in going on. */
  hasSession(): Promise<boolean>;
}

/**
 * Keeps one stream open.
 *
 * Browsers reconnect by themselves when a connection breaks, but give up for good on an answer that is not a stream, such
 * as 401 or 503, and do not tell which. Then the session is checked, and the stream tried again after a growing pause.
 */
export function connectEvents(handlers: EventHandlers): EventConnection {
  let source: EventSource | null = null;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let pause = FIRST_PAUSE_MS;
  let isClosed = false;

  function open() {
    clearTimeout(timer);
    timer = undefined;
    const opened = new EventSource(apiPaths.events);
    source = opened;
    const listen = (name: string) => {
      opened.addEventListener(name, (message: MessageEvent<string>) => {
        const event = decodeEvent(name, message.data);
        if (event && source === opened) handlers.onEvent(event);
      });
    };
    for (const name of ["snapshot", "removed", ...CHANGED]) listen(name);
    opened.addEventListener("open", () => (pause = FIRST_PAUSE_MS));
    opened.addEventListener("error", () => {
      if (source === opened && opened.readyState === EventSource.CLOSED) void refused();
    });
  }

  async function refused() {
    source = null;
    // When not even that can be asked, the server is away, and may be back soon.
    const goesOn = await handlers.hasSession().catch(() => true);
    if (!goesOn || isClosed || source) return;
    clearTimeout(timer);
    timer = setTimeout(open, pause);
    pause = Math.min(pause * 2, LONGEST_PAUSE_MS);
  }

  open();
  return {
    wake() {
      if (!isClosed && timer !== undefined) open();
    },
    close() {
      isClosed = true;
      clearTimeout(timer);
      source?.close();
      source = null;
    },
  };
}
