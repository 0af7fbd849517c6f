/** The cache of what the server has told, and the keys under which it is found. */

import { MutationCache, QueryCache, QueryClient, focusManager } from "@tanstack/react-query";
import { ApiProblem } from "./api";

export const keys = {
  session: ["session"],
  plugins: ["plugins"],
  storage: (id: string) => ["storage", id],
  /** Begins with what all of a plugin's answers about its licence have in common. */
  license: (id: string, status?: { state: string; since: number; generation: number }) =>
    status ? (["license", id, status.state, status.since, status.generation] as const) : (["license", id] as const),
  history: (id: string, status: { state: string; since: number; generation: number }) =>
    ["history", id, status.state, status.since, status.generation] as const,
} as const;

export function createQueryClient(): QueryClient {
  // Whatever is asked without a session tells that it has ended; the sign-in page follows from that.
  const onError = (error: Error) => {
    if (error instanceof ApiProblem && error.status === 401 && error.code !== "invalid_credentials") {
      endSession(client);
    }
  };
  const client = new QueryClient({
    queryCache: new QueryCache({ onError }),
    mutationCache: new MutationCache({ onError }),
    defaultOptions: {
      queries: { staleTime: 10_000, retry: (count, error) => count < 2 && isWorthAnotherTry(error) },
    },
  });
  return client;
}

/** Nobody is signed in any more. Whoever signs in next starts without what this user was told. */
export function endSession(client: QueryClient): void {
  client.setQueryData(keys.session, null);
  client.removeQueries({ predicate: (query) => query.queryKey[0] !== keys.session[0] });
}

/** The window's focus counts too, beside the visibility of its tab: two windows may lie side by side. */
focusManager.setEventListener((onFocus) => {
  const listener = () => onFocus();
  window.addEventListener("visibilitychange", listener);
  window.addEventListener("focus", listener);
  return () => {
    window.removeEventListener("visibilitychange", listener);
    window.removeEventListener("focus", listener);
  };
});

function isWorthAnotherTry(error: Error): boolean {
  return error instanceof ApiProblem && (error.status === 0 || error.status >= 500);
}
