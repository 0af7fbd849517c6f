/** Coming and going leaves nothing behind. */

import { compile } from "./support/libraries";
import { script } from "./support/scripts";
import { expect, test, ui } from "./support/test";
import type { Page } from "./support/test";

const MOUNT = `
  container.innerHTML = "<h2>Here</h2>" + "<p>text <button>press</button></p>".repeat(20);
  for (const button of container.querySelectorAll("button")) button.addEventListener("click", () => {});
  api.onThemeChange(() => {});
  api.onLocationChange(() => {});
  api.signal.addEventListener("abort", () => {});`;

test("200 visits to pages of plugins leave no elements and no listeners behind", async ({ launch, visit }) => {
  test.slow();
  const plugins = [
    await compile({ id: "ping", bundle: script("ping", { mount: MOUNT }) }),
    await compile({ id: "pong", bundle: script("pong", { mount: MOUNT }) }),
  ];
  const page = await visit(await launch({ plugins, enabled: ["ping", "pong"] }), "/plugins");
  await expect(ui.entry(page, "pong")).toBeVisible();
  await goAround(page, 20);
  const before = await count(page);
  await goAround(page, 180);
  const after = await count(page);
  const calls = await page.evaluate(() => {
    const { seen } = window as unknown as { seen: string[] };
    return [seen.filter((call) => call.startsWith("mount")).length, seen.filter((call) => call.startsWith("unmount")).length];
  });
  expect(calls).toEqual([200, 199]);
  // Not one for each visit; what a toast or a timer holds at the moment may differ.
  expect(after.Nodes, JSON.stringify({ before, after })).toBeLessThanOrEqual(before.Nodes + 60);
  expect(after.JSEventListeners, JSON.stringify({ before, after })).toBeLessThanOrEqual(before.JSEventListeners + 20);
});

/** Goes from one plugin to the other, inside of the page: as fast as it can. */
function goAround(page: Page, visits: number): Promise<void> {
  return page.evaluate(async (times) => {
    for (let visit = 0; visit < times; visit += 1) {
      const id = visit % 2 === 0 ? "ping" : "pong";
      document.querySelector<HTMLElement>(`aside a[href="/p/${id}"]`)?.click();
      while (!document.querySelector(`[data-toru-plugin="${id}"] h2`)) {
        await new Promise((resolve) => void requestAnimationFrame(resolve));
      }
    }
  }, visits);
}

async function count(page: Page): Promise<{ Nodes: number; JSEventListeners: number }> {
  const session = await page.context().newCDPSession(page);
  await session.send("Performance.enable");
  // What is freed may free more.
  for (let round = 0; round < 3; round += 1) await session.send("HeapProfiler.collectGarbage");
  const { metrics } = await session.send("Performance.getMetrics");
  const value = (name: string) => metrics.find((metric) => metric.name === name)?.value ?? Number.NaN;
  await session.detach();
  return { Nodes: value("Nodes"), JSEventListeners: value("JSEventListeners") };
}
