import { CircleX } from "lucide-react";
import { Link } from "react-router";
import { useTogglePlugin } from "../hooks/use-toggle-plugin";
import { paths } from "../lib/paths";
import type { Plugin } from "../lib/plugin";
import { pluginName } from "../lib/plugin";
import { sentence } from "../lib/status";
import type { ViewFailure, ViewStage } from "../lib/view-failure";
import { Button, buttonClass } from "./Button";
import { CopyButton } from "./CopyButton";

const STAGES: Record<ViewStage, string> = {
  load: "loading its script",
  evaluate: "running its script",
  register: "registering",
  mount: "showing its page",
};

export interface ViewFailureCardProps {
  plugin: Plugin;
  failure: ViewFailure;
  mayDisable: boolean;
  onRetry: () => void;
}

/** In place of a plugin's page that could not be shown. */
export function ViewFailureCard({ plugin, failure, mayDisable, onRetry }: ViewFailureCardProps) {
  const toggle = useTogglePlugin(plugin);
  const version = plugin.metadata?.version ?? "unknown";
  const details = [
    `plugin: ${plugin.id} ${version}`,
    `stage: ${failure.stage}`,
    `code: ${failure.code}`,
    `message: ${failure.message}`,
    failure.details,
  ]
    .filter(Boolean)
    .join("\n");
  return (
    <div role="alert" className="max-w-3xl rounded-card border border-line bg-surface p-5 shadow-card sm:p-6">
      <h2 className="flex items-start gap-3 text-heading font-semibold">
        <CircleX className="mt-0.5 size-5 shrink-0 text-danger" aria-hidden />
        <span className="wrap-anywhere">
          {pluginName(plugin)} failed while {STAGES[failure.stage]}
        </span>
      </h2>
      <p className="mt-2 wrap-anywhere">{sentence(failure.message)}</p>
      <div className="mt-5 flex flex-wrap gap-2">
        <Button kind="primary" onClick={onRetry}>
          Retry
        </Button>
        {mayDisable && (
          <Button aria-disabled={toggle.isPending} onClick={() => !toggle.isPending && toggle.mutate(false)}>
            Disable
          </Button>
        )}
        <Link to={paths.plugins} className={buttonClass("quiet")}>
          Back to plugins
        </Link>
      </div>
      <details className="mt-5 border-t border-line pt-3">
        <summary className="min-h-7 cursor-pointer rounded-sm text-muted hover:text-text">Details for its author</summary>
        <div className="mt-2 flex items-start gap-2 rounded-lg bg-bg p-3">
          <pre className="min-w-0 flex-1 font-mono text-small whitespace-pre-wrap wrap-anywhere">{details}</pre>
          <CopyButton text={details} label="Copy the details" />
        </div>
      </details>
    </div>
  );
}
