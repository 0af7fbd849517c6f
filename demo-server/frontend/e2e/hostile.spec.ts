/** Whatever a plugin tells of itself is text. */

import { compile } from "./support/libraries";
import { script } from "./support/scripts";
import { expect, test, ui } from "./support/test";

const run = "window.hacked=1";
/** None is longer than a name may be: 64 characters. */
const hostile = [
  `<script>${run}</script>`,
  `<SCRIPT SRC=//127.0.0.1:9/x.js></SCRIPT>`,
  `"><script>${run}</script>`,
  `'><script>${run}</script>`,
  `</script><script>${run}</script>`,
  `</title><script>${run}</script>`,
  `</textarea><script>${run}</script>`,
  `</style><script>${run}</script>`,
  `<scr<script>ipt>${run}</scr</script>ipt>`,
  `<img src=x onerror=${run}>`,
  `<img src=x onerror="${run}">`,
  `"><img src=x onerror=${run}>`,
  `' onerror=${run} x='`,
  `" onfocus=${run} autofocus x="`,
  `" onmouseover="${run}" x="`,
  `<svg onload=${run}>`,
  `<svg/onload=${run}>`,
  `<svg><script>${run}</script></svg>`,
  `<svg><animate onbegin=${run} attributeName=x>`,
  `<svg><a xlink:href="javascript:${run}">x</a>`,
  `<body onload=${run}>`,
  `<iframe srcdoc="<script>parent.hacked=1</script>">`,
  `<iframe src="javascript:parent.hacked=1">`,
  `<object data="javascript:${run}">`,
  `<embed src="javascript:${run}">`,
  `<a href="javascript:${run}">click</a>`,
  `<form action="javascript:${run}"><button>x`,
  `<button formaction="javascript:${run}">x`,
  `<input onfocus=${run} autofocus>`,
  `<select onfocus=${run} autofocus>`,
  `<details open ontoggle=${run}>`,
  `<video><source onerror=${run}>`,
  `<audio src=x onerror=${run}>`,
  `<marquee onstart=${run}>`,
  `<math><mi xlink:href="javascript:${run}">`,
  `<link rel=stylesheet href=//127.0.0.1:9/x.css>`,
  `<style>@import '//127.0.0.1:9/x.css';</style>`,
  `<style>body{display:none}</style>`,
  `<base href=//127.0.0.1:9/>`,
  `<meta http-equiv=refresh content=0;url=//127.0.0.1:9/>`,
  `<template><script>${run}</script></template>`,
  `<noscript></noscript><img src=x onerror=${run}>`,
  `<!--><img src=x onerror=${run}>-->`,
  `<![CDATA[<img src=x onerror=${run}>]]>`,
  `javascript:${run}`,
  `data:text/html,<script>parent.hacked=1</script>`,
  `{{constructor.constructor('${run}')()}}`,
  "${window.hacked=1}`+window.hacked+`",
  `&lt;script&gt;${run}&lt;/script&gt;`,
  `%3Cscript%3E${run}%3C/script%3E`,
];

test("50 hostile texts are shown as what they are", async ({ launch, visit }) => {
  test.slow();
  expect(hostile).toHaveLength(50);
  const ids = hostile.map((_, index) => `hostile-${index + 10}`);
  const plugins = [];
  for (const [index, text] of hostile.entries()) {
    const id = ids[index] ?? "";
    plugins.push(await compile({ id, name: text, author: text, icon: text.slice(0, 60), description: text, version: text, failure: text }));
  }
  const server = await launch({ plugins });
  for (const [index, text] of hostile.slice(0, 10).entries()) await server.put(`${index}${text.replaceAll("/", "-")}.so`, "no library");
  await server.scan();
  for (const id of ids) await server.enable(id).catch(() => {});

  const page = await visit(server, "/plugins");
  await expect(page.getByRole("article")).toHaveCount(50);
  await expect(page.getByText("Failed to start")).toHaveCount(50);
  const cards = await page.getByRole("article").evaluateAll((articles) => articles.map((article) => article.textContent));
  for (const text of hostile) {
    // Name, version with author, description and the reason of its failure.
    const card = cards.find((content) => content.split(text).length > 4);
    expect(card, text).toBeTruthy();
  }
  const foreign = "main :is(img, iframe, object, embed, form, script, style, base, meta, link, video, audio, marquee, math, select)";
  await expect(page.locator(foreign)).toHaveCount(0);
  await expect(page.getByRole("region", { name: "Files that cannot be used" }).getByRole("listitem")).toHaveCount(10);

  for (const [index, text] of hostile.entries()) {
    // As a link in the page would, without loading everything again.
    await page.evaluate((path) => {
      history.pushState(null, "", path);
      dispatchEvent(new PopStateEvent("popstate"));
    }, `/plugins/${ids[index]}`);
    await expect(page.getByText(ids[index] ?? "", { exact: true })).toBeVisible();
    expect(await page.locator("h1").textContent()).toBe(text);
    expect(await page.title()).toBe(`${text} · Toru`.trim());
    expect((await page.locator("main").textContent())?.split(text).length, text).toBeGreaterThan(4);
    await expect(page.locator(foreign)).toHaveCount(0);
  }
  expect(await page.evaluate(() => "hacked" in window)).toBe(false);
});

test("what a script throws, registers or tells is text too", async ({ launch, visit, trouble }) => {
  trouble.provoke(/onerror/);
  const text = `<img src=x onerror="window.hacked=1">`;
  const quoted = JSON.stringify(text);
  const plugins = [
    await compile({ id: "throws", bundle: script("throws", { mount: `throw new Error(${quoted});` }) }),
    await compile({ id: "stops", bundle: script("stops", { first: `throw new Error(${quoted});` }) }),
    await compile({ id: "strays", bundle: script("strays", { registerAs: text }) }),
    await compile({ id: "toasts", bundle: script("toasts", { mount: `api.showToast(${quoted}, "error");` }) }),
  ];
  const server = await launch({ plugins, enabled: plugins.map(({ id }) => id) });
  const page = await visit(server, "/plugins");
  for (const id of ["throws", "stops", "strays"]) {
    await ui.entry(page, id).click();
    await expect(ui.failure(page)).toContainText(text);
  }
  await ui.entry(page, "toasts").click();
  await expect(page.getByRole("region", { name: "Messages" })).toContainText(text);
  await expect(page.locator("img")).toHaveCount(0);
  expect(await page.evaluate(() => "hacked" in window)).toBe(false);
});
