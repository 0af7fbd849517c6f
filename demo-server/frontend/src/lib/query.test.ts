import { describe, expect, it } from "vitest";
import { ApiProblem } from "./api";
import { createQueryClient, keys } from "./query";

function filled() {
  const client = createQueryClient();
  client.setQueryData(keys.session, { name: "ada", role: "admin" });
  client.setQueryData(keys.plugins, ["secret"]);
  client.setQueryData(keys.storage("a"), { keys: 1 });
  return client;
}

const fail = (status: number, code: string) => () => Promise.reject(new ApiProblem(status, code, "told by the server"));

describe("the cache", () => {
  it.each(["query", "mutation"])("keeps nothing of a user whose session has ended, when a %s notices", async (notice) => {
    const client = filled();
    const ended = fail(401, "unauthenticated");
    const asked =
      notice === "query"
        ? client.fetchQuery({ queryKey: keys.plugins, queryFn: ended, staleTime: 0 })
        : client.getMutationCache().build(client, { mutationFn: ended }).execute(undefined);
    await expect(asked).rejects.toThrow(ApiProblem);
    expect(client.getQueryData(keys.session)).toBeNull();
    expect(client.getQueryCache().getAll().map((query) => query.queryKey)).toEqual([keys.session]);
  });

  it.each([
    [401, "invalid_credentials"],
    [403, "forbidden"],
  ])("is left alone by a refusal that ends no session: %i %s", async (status, code) => {
    const client = filled();
    const mutation = client.getMutationCache().build(client, { mutationFn: fail(status, code) });
    await expect(mutation.execute(undefined)).rejects.toThrow(ApiProblem);
    expect(client.getQueryData(keys.plugins)).toEqual(["secret"]);
    expect(client.getQueryData(keys.session)).not.toBeNull();
  });
});
