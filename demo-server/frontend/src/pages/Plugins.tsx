import { useDeferredValue, useId, useState } from "react";
import { Blocks, RefreshCw, Search, SearchX, ShieldAlert } from "lucide-react";
import { Button } from "../components/Button";
import { EmptyState } from "../components/EmptyState";
import { LoadProblem } from "../components/LoadProblem";
import { PluginCard } from "../components/PluginCard";
import { RejectedFiles } from "../components/RejectedFiles";
import { CardSkeletons, Skeleton } from "../components/Skeleton";
import { StateNotices } from "../components/StateNotices";
import { usePage } from "../hooks/use-page";
import { usePlugins, useScan } from "../hooks/use-plugins";
import { useIsAdmin } from "../hooks/use-session";
import type { Plugin, PluginList } from "../lib/plugin";
import { byName, pluginName } from "../lib/plugin";

export function Plugins() {
  const heading = usePage("Plugins");
  const isAdmin = useIsAdmin();
  const plugins = usePlugins();
  return (
    <div className="mx-auto max-w-6xl">
      <header className="mb-6 flex flex-wrap items-start justify-between gap-4">
        <div>
          <h1 ref={heading} tabIndex={-1} className="text-title font-semibold tracking-tight">
            Plugins
          </h1>
          <p className="mt-2 flex gap-2 text-pretty text-muted">
            <ShieldAlert className="mt-0.5 size-5 shrink-0" aria-hidden />
            Plugins are native code and run with the server’s full rights. Enable only those that you trust.
          </p>
        </div>
        {isAdmin && <ScanButton />}
      </header>
      {plugins.data && <List list={plugins.data} isAdmin={isAdmin} />}
      {plugins.isPending && (
        <>
          <Skeleton className="mb-6 h-9.5 max-w-sm" />
          <CardSkeletons count={6} />
        </>
      )}
      {plugins.isLoadingError && (
        <LoadProblem error={plugins.error} what="The list of plugins" onRetry={() => void plugins.refetch()} />
      )}
    </div>
  );
}

function ScanButton() {
  const scan = useScan();
  return (
    <Button
      aria-disabled={scan.isPending}
      aria-busy={scan.isPending}
      onClick={() => {
        if (!scan.isPending) scan.mutate();
      }}
    >
      <RefreshCw className={`size-4 ${scan.isPending ? "motion-safe:animate-spin" : ""}`} aria-hidden />
      Scan now
    </Button>
  );
}

function List({ list, isAdmin }: { list: PluginList; isAdmin: boolean }) {
  const [search, setSearch] = useState("");
  const wanted = useDeferredValue(search.trim().toLowerCase());
  const found = list.plugins.filter((plugin) => wanted === "" || searchText(plugin).includes(wanted)).toSorted(byName);
  return (
    <div className="space-y-6">
      <StateNotices list={list} />
      {list.plugins.length === 0 ? (
        <NoPlugins isAdmin={isAdmin} />
      ) : (
        <>
          <SearchField value={search} onChange={setSearch} />
          <p role="status" className="sr-only">
            {wanted !== "" && `${found.length} of ${list.plugins.length} plugins found`}
          </p>
          {found.length === 0 ? (
            <EmptyState icon={SearchX} title="No plugin matches">
              <p className="wrap-anywhere">Nothing was found for “{search.trim()}”.</p>
            </EmptyState>
          ) : (
            <ul className="grid grid-cols-[repeat(auto-fill,minmax(min(22rem,100%),1fr))] gap-4">
              {found.map((plugin) => (
                <li key={plugin.id} className="grid min-w-0">
                  <PluginCard plugin={plugin} all={list.plugins} isAdmin={isAdmin} isReadOnly={list.read_only} />
                </li>
              ))}
            </ul>
          )}
        </>
      )}
      <RejectedFiles files={list.rejected} />
    </div>
  );
}

function SearchField({ value, onChange }: { value: string; onChange: (value: string) => void }) {
  const id = useId();
  return (
    <div className="relative max-w-sm">
      <label htmlFor={id} className="sr-only">
        Search plugins
      </label>
      <Search className="pointer-events-none absolute top-2.5 left-3 size-4.5 text-muted" aria-hidden />
      <input
        id={id}
        type="search"
        placeholder="Search plugins"
        value={value}
        onChange={(event) => onChange(event.target.value)}
        className="h-9.5 w-full rounded-lg border border-control bg-surface pr-3 pl-10 placeholder:text-muted"
      />
    </div>
  );
}

function NoPlugins({ isAdmin }: { isAdmin: boolean }) {
  return (
    <EmptyState icon={Blocks} title="No plugins yet">
      {isAdmin ? (
        <p>
          Copy a plugin’s library, such as <code className="font-mono text-small">libhello_plugin.so</code>, into the
          server’s plugins folder (<code className="font-mono text-small whitespace-nowrap">--plugins</code>, usually{" "}
          <code className="font-mono text-small whitespace-nowrap">./plugins</code>). Then choose <strong>Scan now</strong>.
        </p>
      ) : (
        <p>An administrator can add some.</p>
      )}
    </EmptyState>
  );
}

function searchText(plugin: Plugin): string {
  const { metadata } = plugin;
  return [plugin.id, pluginName(plugin), metadata?.author, metadata?.description].join("\n").toLowerCase();
}
