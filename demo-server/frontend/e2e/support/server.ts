/** A demo server with folders of its own. */

import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { chmod, copyFile, mkdir, mkdtemp, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { artifacts } from "./artifacts";
import type { Library } from "./libraries";

export const ADMIN = { name: "admin", password: "correct horse battery staple" };
const TOKEN = "a-token-for-the-tests-alone";
const STOP_MS = 15_000;

export interface PluginInfo {
  id: string;
  bundle_url: string | null;
  bundle_sha256: string | null;
  status: { desired: string; state: string; generation: number; error: { message: string } | null };
}

export class Server {
  readonly plugins: string;
  readonly #folder: string;
  readonly #log: string[] = [];
  #process: ChildProcess | null = null;
  #url = "";

  private constructor(folder: string) {
    this.#folder = folder;
    this.plugins = join(folder, "plugins");
  }

  static async create(): Promise<Server> {
    const server = new Server(await mkdtemp(join(tmpdir(), "toru-e2e-")));
    await mkdir(server.plugins);
    return server;
  }

  get url(): string {
    return this.#url;
  }

  /** What it wrote so far, for whoever looks into a failure. */
  get log(): string {
    return this.#log.join("\n");
  }

  /** Starts it, with some variables more: at first on a port that is free, then always on the same one. */
  async start(variables: Record<string, string> = {}): Promise<void> {
    const listen = this.#url === "" ? "127.0.0.1:0" : new URL(this.#url).host;
    const args = ["--listen", listen, "--plugins", this.plugins, "--data", join(this.#folder, "data")];
    const child = spawn(artifacts.server, args, { env: { ...this.#environment(), ...variables }, stdio: ["ignore", "pipe", "pipe"] });
    this.#process = child;
    const output = createInterface({ input: child.stdout });
    createInterface({ input: child.stderr }).on("line", (line) => this.#log.push(line));
    this.#url = await new Promise<string>((resolve, reject) => {
      output.on("line", (line) => {
        this.#log.push(line);
        const url = /^Toru demo server: (http:\S+)/.exec(line)?.[1];
        if (url) resolve(url);
      });
      child.once("error", reject);
      child.once("exit", (code) => reject(new Error(`the demo server ended with ${code}:\n${this.log}`)));
    });
  }

  /** Afterwards, what it wrote is complete. */
  async stop(): Promise<void> {
    const child = this.#process;
    this.#process = null;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const exit = once(child, "close");
    child.kill("SIGTERM");
    const timer = setTimeout(() => child.kill("SIGKILL"), STOP_MS);
    await exit;
    clearTimeout(timer);
  }

  async remove(): Promise<void> {
    await this.stop();
    await rm(this.#folder, { recursive: true, force: true });
  }

  /** Puts a library into the plugins folder, whole or not at all, as an update if it is there already. */
  async install(library: Library): Promise<void> {
    const place = join(this.plugins, library.file);
    await copyFile(library.path, `${place}.new`);
    await chmod(`${place}.new`, 0o755);
    await rename(`${place}.new`, place);
  }

  /** Puts any file into the plugins folder. */
  async put(name: string, content: string | Uint8Array): Promise<void> {
    await writeFile(join(this.plugins, name), content, { mode: 0o755 });
  }

  async scan(): Promise<void> {
    await this.api("POST", "/api/plugins/-/scan");
  }

  async enable(...ids: string[]): Promise<void> {
    for (const id of ids) await this.api("POST", `/api/plugins/${id}/enable`);
  }

  async disable(...ids: string[]): Promise<void> {
    for (const id of ids) await this.api("POST", `/api/plugins/${id}/disable`);
  }

  async plugin(id: string): Promise<PluginInfo> {
    return (await this.api("GET", `/api/plugins/${id}`)).json() as Promise<PluginInfo>;
  }

  /** Adds a user from the command line, while the server runs. */
  async addUser(name: string, password: string): Promise<void> {
    const args = ["user", "add", name, "--data", join(this.#folder, "data")];
    const child = spawn(artifacts.server, args, { env: this.#environment(), stdio: ["pipe", "ignore", "inherit"] });
    child.stdin.end(`${password}\n`);
    const [code] = (await once(child, "exit")) as [number | null];
    if (code !== 0) throw new Error(`demo-server user add ended with ${code}`);
  }

  /** The id to which vendors bind licences. */
  async instance(): Promise<string> {
    const license = (await (await this.api("GET", "/api/plugins/licensed/-/license")).json()) as { instance_id: string };
    return license.instance_id;
  }

  /** Gives the plugin that needs one a licence key; whether it likes the key is another matter. */
  async license(key: string): Promise<void> {
    await this.api("PUT", "/api/plugins/licensed/-/license", { key });
  }

  /** Asks the API as the holder of the token. */
  async api(method: string, path: string, body?: unknown): Promise<Response> {
    const response = await this.ask(method, path, body);
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${await response.text()}`);
    return response;
  }

  /** The same, whatever is answered. */
  async ask(method: string, path: string, body?: unknown): Promise<Response> {
    const headers: Record<string, string> = { authorization: `Bearer ${TOKEN}` };
    if (body === undefined) return fetch(this.#url + path, { method, headers });
    return fetch(this.#url + path, { method, headers: { ...headers, "content-type": "application/json" }, body: JSON.stringify(body) });
  }

  #environment(): NodeJS.ProcessEnv {
    const inherited = Object.entries(process.env).filter(([name]) => !name.startsWith("TORU_"));
    return {
      ...Object.fromEntries(inherited),
      TORU_DEMO_ADMIN_PASSWORD: ADMIN.password,
      TORU_DEMO_TOKEN: TOKEN,
    };
  }
}
