import { useId } from "react";
import { ArrowRight, ArrowUpCircle, TriangleAlert } from "lucide-react";
import { Link } from "react-router";
import { plural } from "../lib/format";
import { hasLicenseFault } from "../lib/license";
import { paths, pluginPage } from "../lib/paths";
import type { PluginEntry } from "../lib/paths";
import type { Plugin } from "../lib/plugin";
import { isRunning, pluginName } from "../lib/plugin";
import { sinceWords, statusWords } from "../lib/status";
import { PluginIcon } from "./PluginIcon";
import { PluginSwitch } from "./PluginSwitch";
import { StatusLine } from "./StatusLine";

export interface PluginCardProps {
  plugin: Plugin;
  all: readonly Plugin[];
  isAdmin: boolean;
  isReadOnly: boolean;
}

export function PluginCard({ plugin, all, isAdmin, isReadOnly }: PluginCardProps) {
  const heading = useId();
  const { metadata, status } = plugin;
  const { reason } = statusWords(plugin);
  const page = isRunning(plugin) ? pluginPage(plugin, all) : null;
  const byline = [metadata?.version && `Version ${metadata.version}`, metadata?.author].filter(Boolean).join("\u00a0· ");
  return (
    <article
      aria-labelledby={heading}
      className="flex flex-col rounded-card border border-line bg-surface p-5 shadow-card"
    >
      <div className="flex items-start gap-4">
        <PluginIcon plugin={plugin} size="medium" />
        <div className="min-w-0 flex-1">
          <h2 id={heading} className="text-heading font-semibold wrap-anywhere">
            <Link to={paths.plugin(plugin.id)} className="rounded-sm hover:underline">
              {pluginName(plugin)}
            </Link>
          </h2>
          <p className="line-clamp-2 text-small text-balance text-muted wrap-anywhere">{byline || plugin.id}</p>
        </div>
        {isAdmin && <PluginSwitch plugin={plugin} isReadOnly={isReadOnly} />}
      </div>
      {metadata?.description && <p className="mt-4 line-clamp-3 text-muted wrap-anywhere">{metadata.description}</p>}
      <div className="mt-auto pt-4">
        <StatusLine state={status.state} since={sinceWords(plugin)} />
        {reason && <p className="mt-1 line-clamp-4 text-small wrap-anywhere">{reason}</p>}
        <Remarks plugin={plugin} />
        <div className="-mx-1 mt-3 -mb-1.5 flex flex-wrap gap-x-5">
          {page && (
            <Link className={LINK} to={page} state={{ plugin: plugin.id } satisfies PluginEntry} aria-label={`Open ${pluginName(plugin)}`}>
              Open
              <ArrowRight className="size-4" aria-hidden />
            </Link>
          )}
          {isAdmin && !isReadOnly && hasLicenseFault(plugin) && (
            <Link className={LINK} to={paths.license(plugin.id)} aria-label={`Enter licence key of ${pluginName(plugin)}`}>
              Enter licence key
            </Link>
          )}
          <Link className={LINK} to={paths.plugin(plugin.id)} aria-label={`Details of ${pluginName(plugin)}`}>
            Details
          </Link>
        </div>
      </div>
    </article>
  );
}

const LINK =
  "inline-flex min-h-8 items-center gap-1.5 rounded-md px-1 text-body font-medium text-primary hover:text-primary-strong hover:underline";

function Remarks({ plugin }: { plugin: Plugin }) {
  const { update, warnings } = plugin;
  if (!update && warnings.length === 0) return null;
  return (
    <ul className="mt-2 space-y-1 text-small">
      {update && (
        <li className="flex gap-2">
          <ArrowUpCircle className="mt-0.5 size-4 shrink-0 text-primary" aria-hidden />
          <span className="wrap-anywhere">Version {update.version} is ready. Disable and enable to change over.</span>
        </li>
      )}
      {warnings.length > 0 && (
        <li className="flex gap-2">
          <TriangleAlert className="mt-0.5 size-4 shrink-0 text-warning" aria-hidden />
          {plural(warnings.length, "warning")}
        </li>
      )}
    </ul>
  );
}
