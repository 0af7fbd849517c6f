/** Licence keys are told to their plugins alone: nothing that the server writes or answers has any of them. */

import { hello, licensed } from "./support/libraries";
import { issue, secretsOf } from "./support/licenses";
import { expect, test } from "./support/test";

const LICENSE = "/api/plugins/licensed/-/license";

test("no licence key is in a log or an answer of the server", async ({ launch }) => {
  const server = await launch({ plugins: [hello, licensed] });
  const instance = await server.instance();
  const licensees = ["Aaa & Sons", "Bbb & Sons", "Ccc & Sons", "Ddd & Sons"];
  const [first = "", second = "", renewed = "", expired = ""] = await Promise.all(
    licensees.map((licensee, index) => issue({ instance, licensee, issued: "2020-01-01", expires: index === 3 ? "2020-01-31" : "9999-12-31" })),
  );
  const keys = [first, second, renewed, expired];
  // As much as it can say.
  const variables = { RUST_LOG: "trace" };
  const told: string[] = [];
  const brought: string[] = [];
  const ask = async (method: string, path: string, body?: unknown) => {
    if (body !== undefined) brought.push(JSON.stringify(body));
    const answer = await server.ask(method, path, body);
    const head = [...answer.headers].map(([name, value]) => `${name}: ${value}`);
    told.push(`${method} ${path}: ${answer.status}`, ...head, await answer.text());
    return answer.status;
  };
  const look = async () => {
    for (const plugin of ["hello", "licensed"]) {
      expect(await ask("GET", `/api/plugins/${plugin}`)).toBe(200);
      expect(await ask("GET", `/api/plugins/${plugin}/-/license`)).toBe(200);
      expect(await ask("OPTIONS", `/api/plugins/${plugin}/-/license`)).toBeLessThan(300);
    }
    expect(await ask("GET", "/api/plugins")).toBe(200);
    expect(await ask("GET", "/api/plugins-openapi.json")).toBe(200);
    expect(await ask("GET", "/metrics")).toBe(200);
    await ask("GET", "/api/plugins/licensed/license");
  };
  const restart = async (more: Record<string, string> = {}) => {
    await server.stop();
    await server.start({ ...variables, ...more });
  };

  // One from the environment, which is not to be changed, and another one for a plugin that never asks.
  await restart({ TORU_LICENSE_LICENSED: first });
  const events = await server.ask("GET", "/api/plugin-events");
  const heard = events.text().catch(() => "");
  await server.enable("licensed", "hello");
  expect(await ask("PUT", LICENSE, { key: second })).toBe(409);
  expect(await ask("PUT", "/api/plugins/hello/-/license", { key: second })).toBe(200);
  await look();
  expect((await server.plugin("licensed")).status.state).toBe("enabled");

  // Stored ones: good, renewed, ended, and in bodies that are none.
  await restart();
  const later = await server.ask("GET", "/api/plugin-events");
  const laterHeard = later.text().catch(() => "");
  for (const [key, state] of [[second, "enabled"], [renewed, "enabled"], [expired, "failed"]] as const) {
    expect(await ask("PUT", LICENSE, { key })).toBe(200);
    expect((await server.plugin("licensed")).status.state).toBe(state);
    await look();
    await ask("POST", "/api/plugins/licensed/enable");
  }
  expect(await ask("PUT", LICENSE, { key: `${renewed}\0` })).toBe(400);
  expect(await ask("PUT", LICENSE, { key: renewed.repeat(200) })).toBe(400);
  expect(await ask("PUT", LICENSE, { key: renewed.repeat(2000) })).toBe(413);
  expect(await ask("PUT", LICENSE, { [renewed]: renewed })).toBe(400);
  expect(await ask("PUT", LICENSE, renewed)).toBe(400);
  expect(await ask("POST", LICENSE, { key: renewed })).toBe(405);
  expect(await ask("DELETE", LICENSE)).toBe(200);
  await look();
  await server.stop();
  told.push(await heard, await laterHeard);

  const found = (text: string) => keys.flatMap(secretsOf).filter((secret) => text.includes(secret));
  // Negative control: what is looked for is found where it was sent.
  expect(found(brought.join("\n"))).toEqual([second, renewed, expired].flatMap(secretsOf));
  expect(told.join("\n")).toContain("…");
  // As short words: all of the log would not help whoever reads of a failure.
  expect(server.log.includes("a plugin goes on with another licence key"), "the log tells of changes").toBe(true);
  const all = `${told.join("\n")}\n${server.log}`;
  expect(found(all)).toEqual([]);
  // Neither in parts: the ends that are shown are no more than that.
  expect(keys.flatMap(secretsOf).flatMap(pieces).filter((piece) => all.includes(piece))).toEqual([]);
});

/** Every twelve characters of a text. */
function pieces(text: string): string[] {
  return Array.from({ length: Math.max(0, text.length - 11) }, (_, index) => text.slice(index, index + 12));
}
