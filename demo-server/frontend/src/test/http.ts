/** Answers of a server, for tests. */

import { vi } from "vitest";

export function json(value: unknown, status = 200, headers: Record<string, string> = {}): Response {
  const type = status >= 400 ? "application/problem+json" : "application/json";
  return new Response(JSON.stringify(value), { status, headers: { "content-type": type, ...headers } });
}

export function problem(status: number, code: string, detail = "told by the server", headers: Record<string, string> = {}) {
  return json({ type: "about:blank", title: "Problem", status, code, detail }, status, headers);
}

export type Answer = (method: string, url: URL, init: RequestInit) => Response | Promise<Response>;

/** Takes the place of `fetch`. */
export function serve(answer: Answer) {
  const mock = vi.fn<typeof fetch>(async (input, init = {}) => {
    const address = input instanceof Request ? input.url : String(input);
    return answer(init.method ?? "GET", new URL(address, location.href), init);
  });
  vi.stubGlobal("fetch", mock);
  return mock;
}
