import { useTogglePlugin } from "../hooks/use-toggle-plugin";
import type { Plugin } from "../lib/plugin";
import { sentence, stageWords, stateLabel } from "../lib/status";
import { Button } from "./Button";
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
          <Button aria-disabled={toggle.isPending} onClick={() => !toggle.isPending && toggle.mutate(true)}>
            Start again
          </Button>
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
