import { ArrowLeft, ArrowRight } from "lucide-react";
import { Link, useParams } from "react-router";
import { buttonClass } from "../components/Button";
import { LoadProblem } from "../components/LoadProblem";
import { Notice } from "../components/Notice";
import { PluginActivity } from "../components/PluginActivity";
import { PluginAbout, PluginBuild, PluginRoutes } from "../components/PluginFacts";
import { PluginFault } from "../components/PluginFault";
import { PluginHistory } from "../components/PluginHistory";
import { PluginIcon } from "../components/PluginIcon";
import { PluginLicense } from "../components/PluginLicense";
import { PluginStorage } from "../components/PluginStorage";
import { PluginSwitch } from "../components/PluginSwitch";
import { Skeleton } from "../components/Skeleton";
import { StateNotices } from "../components/StateNotices";
import { StatusLine } from "../components/StatusLine";
import { usePage } from "../hooks/use-page";
import { COUNTERS_MS, usePlugins } from "../hooks/use-plugins";
import { useIsAdmin } from "../hooks/use-session";
import { paths, pluginPage, routeRivals } from "../lib/paths";
import type { PluginEntry } from "../lib/paths";
import type { Plugin, PluginList } from "../lib/plugin";
import { isRunning, pluginName } from "../lib/plugin";
import { sinceWords, statusWords } from "../lib/status";

export function PluginDetails() {
  const { id = "" } = useParams();
  const plugins = usePlugins(COUNTERS_MS);
  const plugin = plugins.data?.plugins.find((one) => one.id === id);
  return (
    <div className="mx-auto max-w-4xl">
      <Link
        to={paths.plugins}
        className="-ml-1 mb-4 inline-flex min-h-8 items-center gap-1.5 rounded-md px-1 text-muted hover:text-text"
      >
        <ArrowLeft className="size-4" aria-hidden />
        All plugins
      </Link>
      {plugin && plugins.data && <Details key={id} plugin={plugin} list={plugins.data} />}
      {plugins.data && !plugin && <Unknown key={id} id={id} />}
      {plugins.isPending && <Loading />}
      {plugins.isLoadingError && (
        <LoadProblem error={plugins.error} what="The plugin" onRetry={() => void plugins.refetch()} />
      )}
    </div>
  );
}

function Details({ plugin, list }: { plugin: Plugin; list: PluginList }) {
  const name = pluginName(plugin);
  const heading = usePage(name);
  const isAdmin = useIsAdmin();
  const page = pluginPage(plugin, list.plugins);
  const { metadata, status } = plugin;
  const { reason } = statusWords(plugin);
  return (
    <div className="space-y-4">
      <header className="mb-6 flex flex-wrap items-start gap-x-4 gap-y-4">
        <PluginIcon plugin={plugin} size="medium" />
        <div className="min-w-0 flex-1 basis-56">
          <h1 ref={heading} tabIndex={-1} className="text-title font-semibold tracking-tight wrap-anywhere">
            {name}
          </h1>
          {metadata?.description && <p className="mt-1 max-w-prose text-muted wrap-anywhere">{metadata.description}</p>}
          <div className="mt-3">
            <StatusLine state={status.state} since={sinceWords(plugin)} />
            {reason && !status.error && <p className="mt-1">{reason}</p>}
          </div>
        </div>
        <div className="flex min-h-9 items-center gap-4">
          {isAdmin && <PluginSwitch plugin={plugin} isReadOnly={list.read_only} />}
          {isRunning(plugin) && page && (
            <Link to={page} state={{ plugin: plugin.id } satisfies PluginEntry} className={buttonClass("primary")}>
              Open
              <ArrowRight className="size-4" aria-hidden />
            </Link>
          )}
        </div>
      </header>
      <StateNotices list={{ ...list, notices: [] }} />
      <PluginFault plugin={plugin} mayRetry={isAdmin && !list.read_only} />
      {plugin.update && (
        <Notice kind="info" title={`Version ${plugin.update.version} is ready`}>
          <p>Disable and enable to change over.</p>
          <p className="font-mono text-small text-muted">{plugin.update.sha256}</p>
        </Notice>
      )}
      {plugin.warnings.map((warning) => (
        <Notice key={warning} kind="warning">
          <p>{warning}</p>
        </Notice>
      ))}
      <Rivals plugin={plugin} all={list.plugins} />
      <PluginAbout plugin={plugin} page={page} />
      {isAdmin && <PluginLicense plugin={plugin} isReadOnly={list.read_only} />}
      <PluginActivity plugin={plugin} />
      {isAdmin && <PluginStorage id={plugin.id} />}
      <PluginRoutes plugin={plugin} />
      <PluginHistory plugin={plugin} />
      <PluginBuild plugin={plugin} />
    </div>
  );
}

/** Two plugins with one route both work, but only one has the short address. */
function Rivals({ plugin, all }: { plugin: Plugin; all: readonly Plugin[] }) {
  const rivals = isRunning(plugin) ? routeRivals(plugin, all) : [];
  if (rivals.length === 0) return null;
  const route = plugin.metadata?.route ?? "";
  const hasRoute = pluginPage(plugin, all)?.endsWith(route) ?? false;
  return (
    <Notice kind="warning" title={`The route ${route} is claimed more than once`}>
      <p>
        {rivals.map(pluginName).join(", ")} {rivals.length === 1 ? "claims" : "claim"} it too.{" "}
        {hasRoute ? "This plugin comes first by id and has it." : "This plugin has an address by its id instead."}
      </p>
    </Notice>
  );
}

function Unknown({ id }: { id: string }) {
  const heading = usePage("Unknown plugin");
  return (
    <>
      <h1 ref={heading} tabIndex={-1} className="text-title font-semibold tracking-tight">
        Unknown plugin
      </h1>
      <p className="mt-2 text-muted wrap-anywhere">The server knows no plugin “{id}”. Its file may have been removed.</p>
    </>
  );
}

function Loading() {
  return (
    <div role="status" aria-label="Loading">
      <h1 className="sr-only">Plugin</h1>
      <div className="mb-8 flex gap-4">
        <Skeleton className="size-11 rounded-lg" />
        <div className="flex-1">
          <Skeleton className="h-7 w-48" />
          <Skeleton className="mt-4 h-4 w-72 max-w-full" />
        </div>
      </div>
      <Skeleton className="mb-4 h-52 w-full" />
      <Skeleton className="h-52 w-full" />
    </div>
  );
}
