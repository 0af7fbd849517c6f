import type { Plugin } from "../lib/plugin";
import { plural } from "../lib/format";
import { Card } from "./Card";
import { CopyButton } from "./CopyButton";
import { Fact, Facts } from "./Facts";

const PANIC: Record<string, string> = {
  unwind: "Are caught at the plugin’s boundary",
  abort: "End the whole server",
  none: "Its language has none",
};

/** What a plugin says about itself. None of it is proven. */
export function PluginAbout({ plugin, page }: { plugin: Plugin; page: string | null }) {
  const { metadata } = plugin;
  return (
    <Card title="About">
      <Facts>
        <Fact name="Id">
          <code className="font-mono text-small">{plugin.id}</code>
        </Fact>
        <Fact name="Version">{metadata?.version}</Fact>
        <Fact name="Author">{metadata?.author}</Fact>
        <Fact name="Licence">{metadata?.license}</Fact>
        <Fact name="Page">{page && <code className="font-mono text-small">{page}</code>}</Fact>
      </Facts>
    </Card>
  );
}

/** How a plugin was built, and which file it is. */
export function PluginBuild({ plugin }: { plugin: Plugin }) {
  const { metadata, sha256, file, status, retired_generations: retired } = plugin;
  return (
    <Card title="Build and file">
      <Facts>
        <Fact name="ABI">{metadata?.abi?.join(".")}</Fact>
        <Fact name="Compiler">{metadata?.compiler}</Fact>
        <Fact name="Target">{metadata?.target}</Fact>
        <Fact name="Built with">{metadata?.sdk}</Fact>
        <Fact name="Panics">{metadata?.panic && (PANIC[metadata.panic] ?? metadata.panic)}</Fact>
        <Fact name="Requires">{metadata?.requires.join(", ")}</Fact>
        <Fact name="Uses if present">{metadata?.uses.join(", ")}</Fact>
        <Fact name="File">
          {plugin.metadata && (file === null ? "Part of the server" : <code className="font-mono text-small">{file}</code>)}
        </Fact>
        <Fact name="SHA-256">
          {sha256 && (
            <span className="-my-0.5 flex items-center gap-1">
              <code className="font-mono text-small">{sha256}</code>
              <CopyButton text={sha256} label="Copy the SHA-256" />
            </span>
          )}
        </Fact>
        <Fact name="Generation">{status.generation > 0 ? String(status.generation) : null}</Fact>
        <Fact name="Kept in memory">{retired > 0 ? plural(retired, "earlier library", "earlier libraries") : null}</Fact>
      </Facts>
    </Card>
  );
}

/** The routes of a running plugin, below its own path. */
export function PluginRoutes({ plugin }: { plugin: Plugin }) {
  if (plugin.routes.length === 0) return null;
  return (
    <Card title="Routes">
      <ul className="-mt-1 divide-y divide-line">
        {plugin.routes.map((route) => (
          <li
            key={`${route.methods.join()} ${route.pattern}`}
            className="flex flex-wrap gap-x-4 py-2 font-mono text-small first:pt-0 last:pb-0"
          >
            <span className="min-w-20 text-muted">{route.methods.join(", ")}</span>
            <span className="wrap-anywhere">{route.pattern}</span>
          </li>
        ))}
      </ul>
    </Card>
  );
}
