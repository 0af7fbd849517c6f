/** Real plugin libraries: the examples, and variants of `plugin.c`. */

import { execFile } from "node:child_process";
import { createHash, randomUUID } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { mkdir, rename } from "node:fs/promises";
import { basename, join } from "node:path";
import { promisify } from "node:util";
import { artifacts } from "./artifacts";

export interface Library {
  id: string;
  /** The file to copy. */
  path: string;
  /** Its name in the plugins folder. */
  file: string;
}

export interface Variant {
  id: string;
  name?: string;
  version?: string;
  author?: string;
  icon?: string;
  route?: string;
  description?: string;
  /** The script of its page. */
  bundle?: string;
  /** The words with which it refuses to start. */
  failure?: string;
}

export const hello: Library = {
  id: "hello",
  path: artifacts.helloPlugin,
  file: basename(artifacts.helloPlugin),
};

/** Starts with a licence key only. */
export const licensed: Library = {
  id: "licensed",
  path: artifacts.licensedPlugin,
  file: basename(artifacts.licensedPlugin),
};

const source = join(import.meta.dirname, "../plugin.c");
const folder = join(artifacts.output, "plugins");
const flags = ["-std=c11", "-shared", "-fPIC", "-O1", "-fvisibility=hidden", "-Wall", "-Wextra", "-Werror", "-Wl,-z,noexecstack"];
const run = promisify(execFile);

/** Compiles a variant, unless that was done before. */
export async function compile(variant: Variant): Promise<Library> {
  const texts = {
    ID: variant.id,
    NAME: variant.name ?? variant.id,
    VERSION: variant.version ?? "1.0.0",
    AUTHOR: variant.author ?? "Toru authors",
    ICON: variant.icon ?? "",
    ROUTE: variant.route ?? `/${variant.id}`,
    DESCRIPTION: variant.description ?? "",
    BUNDLE: variant.bundle,
    FAILURE: variant.failure,
  };
  const defines = Object.entries(texts).flatMap(([name, text]) => (text === undefined ? [] : `-DVARIANT_${name}=${literal(text)}`));
  const include = join(artifacts.root, "toru-plugin-api/include");
  const args = [...artifacts.cc.slice(1), ...flags, `-I${include}`, ...defines, source];
  const content = [...args, readFileSync(source), readFileSync(join(include, "toru_plugin.h"))];
  const hash = createHash("sha256");
  for (const part of content) hash.update(part).update("\0");
  const path = join(folder, `${hash.digest("hex").slice(0, 32)}.so`);
  if (!existsSync(path)) {
    await mkdir(folder, { recursive: true });
    const unfinished = join(folder, `${randomUUID()}.new`);
    await run(artifacts.cc[0] ?? "cc", [...args, "-o", unfinished]);
    await rename(unfinished, path);
  }
  return { id: variant.id, path, file: `lib${variant.id.replaceAll("-", "_")}.so` };
}

/** Any text as a C string literal. */
function literal(text: string): string {
  const bytes = Array.from(new TextEncoder().encode(text));
  const escaped = bytes.map((byte) => {
    const character = String.fromCharCode(byte);
    return /[A-Za-z0-9 .,:;=/_-]/.test(character) ? character : `\\${byte.toString(8).padStart(3, "0")}`;
  });
  return `"${escaped.join("")}"`;
}
