import { useState } from "react";
import type { ReactNode } from "react";
import { Link, useLocation } from "react-router";
import { Button } from "../components/Button";
import { LoadProblem } from "../components/LoadProblem";
import { Notice } from "../components/Notice";
import { PluginIcon } from "../components/PluginIcon";
import { PluginOutlet } from "../components/PluginOutlet";
import { Skeleton } from "../components/Skeleton";
import { usePage } from "../hooks/use-page";
import { usePlugins } from "../hooks/use-plugins";
import { paths, pluginAt } from "../lib/paths";
import type { PluginAddress } from "../lib/paths";
import type { Plugin } from "../lib/plugin";
import { isRunning, pluginName, record, textOrNull } from "../lib/plugin";
import type { Bundle } from "../lib/plugin-bundle";
import { stateLabel, statusWords } from "../lib/status";

export function PluginView() {
  const { pathname, key, state } = useLocation();
  const [held, setHeld] = useState<{ key: string; id: string } | null>(null);
  const plugins = usePlugins();
  if (plugins.isLoadingError) {
    return <LoadProblem error={plugins.error} what="The plugin" onRetry={() => void plugins.refetch()} />;
  }
  if (!plugins.data) {
    return (
      <div role="status" aria-label="Loading">
        <h1 className="sr-only">Plugin</h1>
        <Skeleton className="h-8 w-48" />
      </div>
    );
  }
  // Another plugin with the same route does not take over a page that somebody has open.
  const meant = textOrNull(record(state)["plugin"]) ?? (held?.key === key ? held.id : null);
  const address = pluginAt(pathname, plugins.data.plugins, meant);
  if (address && held?.key !== key) setHeld({ key, id: address.plugin.id });
  if (!address) return <NoPlugin pathname={pathname} />;
  return <Page key={`${address.root} ${address.plugin.id}`} {...address} />;
}

function Page({ plugin, root }: PluginAddress) {
  const name = pluginName(plugin);
  const heading = usePage(name);
  return (
    <>
      <header className="mb-6 flex items-center gap-3">
        <PluginIcon plugin={plugin} size="small" />
        <h1 ref={heading} tabIndex={-1} className="min-w-0 flex-1 truncate text-heading font-semibold" title={name}>
          {name}
        </h1>
        <Link
          to={paths.plugin(plugin.id)}
          aria-label={`Details of ${name}`}
          className="inline-flex min-h-8 items-center rounded-md px-1 text-muted hover:text-text hover:underline"
        >
          Details
        </Link>
      </header>
      <Body plugin={plugin} root={root} />
    </>
  );
}

/**
 * What was opened stays open while the plugin runs, also when a new version appears: somebody may be in the middle of
 * something. When the plugin stops, its page ends, and opens again only when the user says so.
 */
function Body({ plugin, root }: PluginAddress) {
  const bundle = bundleOf(plugin);
  const [opened, setOpened] = useState(bundle);
  const [stopped, setStopped] = useState<Bundle | null>(null);
  const [attempt, setAttempt] = useState(0);
  if (opened && !bundle) {
    setOpened(null);
    setStopped(opened);
  } else if (!opened && !stopped && bundle) {
    setOpened(bundle);
  }

  const open = () => {
    setOpened(bundle);
    setStopped(null);
  };

  if (opened) {
    return (
      <>
        {bundle && bundle.url !== opened.url && <NewVersion onReload={open} />}
        <PluginOutlet
          key={`${opened.url} ${attempt}`}
          plugin={plugin}
          bundle={opened}
          root={root}
          onRetry={() => setAttempt(attempt + 1)}
        />
      </>
    );
  }
  if (stopped && bundle) {
    if (bundle.url !== stopped.url) return <NewVersion onReload={open} />;
    return (
      <Notice kind="info" role="status" title={`${pluginName(plugin)} is running again`} action={<Button onClick={open}>Open</Button>} />
    );
  }
  return <NotShown plugin={plugin} wasOpen={stopped !== null} />;
}

function NewVersion({ onReload }: { onReload: () => void }) {
  return (
    <div className="mb-6">
      <Notice
        kind="info"
        role="status"
        title="A new version is ready"
        action={<Button onClick={onReload}>Reload view</Button>}
      />
    </div>
  );
}

function NotShown({ plugin, wasOpen }: { plugin: Plugin; wasOpen: boolean }) {
  const name = pluginName(plugin);
  if (isRunning(plugin)) {
    return (
      <Notice kind="info" title={`${name} has no page of its own`}>
        <p>
          It works in the background. <DetailsLink plugin={plugin}>See its details</DetailsLink>
        </p>
      </Notice>
    );
  }
  const { reason } = statusWords(plugin);
  const { state, desired } = plugin.status;
  // Off although it is asked to run: its server ends, or has only begun.
  const isOff = state === "disabled" && desired === "disabled";
  const title = isOff
    ? `${name} ${wasOpen ? "was disabled while you had it open" : "is disabled"}`
    : `${name} is not running${state === "disabled" ? "" : `: ${stateLabel(state).toLowerCase()}`}`;
  return (
    <Notice kind={isOff ? "info" : "warning"} role="status" title={title}>
      {reason && <p>{reason}</p>}
      <DetailsLink plugin={plugin}>See its details</DetailsLink>
    </Notice>
  );
}

function DetailsLink({ plugin, children }: { plugin: Plugin; children: ReactNode }) {
  return (
    <Link to={paths.plugin(plugin.id)} className="font-medium text-primary underline">
      {children}
    </Link>
  );
}

function NoPlugin({ pathname }: { pathname: string }) {
  const heading = usePage("No plugin here");
  return (
    <>
      <h1 ref={heading} tabIndex={-1} className="text-title font-semibold tracking-tight">
        No plugin here
      </h1>
      <p className="mt-2 text-muted wrap-anywhere">
        No plugin has the address {pathname}. It may have been removed.{" "}
        <Link to={paths.plugins} className="font-medium text-primary underline">
          All plugins
        </Link>
      </p>
    </>
  );
}

function bundleOf(plugin: Plugin): Bundle | null {
  if (!isRunning(plugin) || !plugin.bundle_url) return null;
  return { id: plugin.id, url: plugin.bundle_url, sha256: plugin.bundle_sha256 };
}
