import { Link } from "react-router";
import { useTogglePlugin } from "../hooks/use-toggle-plugin";
import { hasLicenseFault } from "../lib/license";
import { LICENSE_PART } from "../lib/paths";
import type { Plugin } from "../lib/plugin";
import { sentence, stageWords, stateLabel } from "../lib/status";
import { Button, buttonClass } from "./Button";
import { Notice } from "./Notice";

/** Why a plugin does not run although it should. */
export function PluginFault({ plugin, mayRetry }: { plugin: Plugin; mayRetry: boolean }) {
  const toggle = useTogglePlugin(plugin);
  const { error, state, desired } = plugin.status;
  if (!error) return null;
  const canRetry = mayRetry && desired === "enabled" && (state === "failed" || state === "quarantined");
  return (
    <Notice
      kind="danger"
      title={stateLabel(state)}
      action={
        canRetry && (
          <div className="flex flex-wrap gap-2">
            {hasLicenseFault(plugin) && (
              <Link to={LICENSE_PART} replace className={buttonClass("primary")}>
                Enter licence key
              </Link>
            )}
            <Button aria-disabled={toggle.isPending} onClick={() => !toggle.isPending && toggle.mutate(true)}>
              Start again
            </Button>
          </div>
        )
      }
    >
      <p>{sentence(error.message)}</p>
      <p className="text-small text-muted">
        It happened {stageWords(error.stage)}. Code <code className="font-mono">{error.code}</code>
      </p>
    </Notice>
  );
}
