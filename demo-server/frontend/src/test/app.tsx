/** The whole interface over a server of the test's, at an address. */

import { QueryClientProvider } from "@tanstack/react-query";
import { act, render } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { StrictMode } from "react";
import { MemoryRouter } from "react-router";
import { vi } from "vitest";
import { App } from "../App";
import type { User } from "../lib/api";
import { keys, createQueryClient } from "../lib/query";
import type { Answer } from "./http";
import { json, problem, serve } from "./http";

/** A stream that a test speaks through. */
class Stream extends EventTarget {
  static readonly CLOSED = 2;
  static all: Stream[] = [];
  readyState = 1;

  constructor() {
    super();
    Stream.all.push(this);
  }

  close() {
    this.readyState = 2;
  }
}

export interface Server {
  user: User | null;
  plugins: Record<string, unknown>[];
  rejected: Record<string, unknown>[];
  read_only: boolean;
  /** Answers before the usual ones do. */
  answer?: (...request: Parameters<Answer>) => Response | Promise<Response> | undefined;
}

export function start(address: string, given: Partial<Server> = {}) {
  const server: Server = { user: { name: "ada", role: "admin" }, plugins: [], rejected: [], read_only: false, ...given };
  Stream.all = [];
  vi.stubGlobal("EventSource", Stream);
  const fetched = serve((method, url, init) => {
    const own = server.answer?.(method, url, init);
    if (own) return own;
    if (url.pathname === "/api/session") return server.user ? json({ user: server.user }) : problem(401, "unauthenticated");
    if (url.pathname === "/api/plugins" || url.pathname === "/api/plugins/-/scan") {
      const { plugins, rejected, read_only } = server;
      return json({ plugins, rejected, read_only, notices: [] });
    }
    return problem(404, "unknown");
  });
  const client = createQueryClient();
  client.setDefaultOptions({ queries: { retry: false } });
  const view = render(
    <StrictMode>
      <QueryClientProvider client={client}>
        <MemoryRouter initialEntries={[address]}>
          <App />
        </MemoryRouter>
      </QueryClientProvider>
    </StrictMode>,
  );
  return {
    ...view,
    server,
    client,
    fetched,
    user: userEvent.setup(),
    sessionKey: keys.session,
    /** Streams that are open now. */
    streams: () => Stream.all.filter((stream) => stream.readyState !== Stream.CLOSED),
    /** The server tells an event; resolves when the page shows it. */
    say: (name: string, data: unknown) =>
      act(async () => {
        for (const stream of Stream.all) stream.dispatchEvent(new MessageEvent(name, { data: JSON.stringify(data) }));
        // The cache tells its readers in a turn of its own.
        await new Promise((resolve) => setTimeout(resolve, 0));
      }),
  };
}
