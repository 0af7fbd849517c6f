import { Switch } from "@base-ui/react/switch";
import { useTogglePlugin } from "../hooks/use-toggle-plugin";
import type { Plugin } from "../lib/plugin";
import { pluginName } from "../lib/plugin";

/** Turns a plugin on and off. What it shows is what was asked for; how the plugin is doing stands beside it. */
export function PluginSwitch({ plugin, isReadOnly }: { plugin: Plugin; isReadOnly: boolean }) {
  const toggle = useTogglePlugin(plugin);
  const isOn = plugin.status.desired === "enabled";
  // A plugin without a file can only be given up.
  const isImpossible = plugin.status.state === "missing" && !isOn;
  // The transparent borders show where the system replaces colours with its own.
  return (
    <Switch.Root
      checked={isOn}
      disabled={isReadOnly || isImpossible}
      aria-label={`Enable ${pluginName(plugin)}`}
      aria-busy={toggle.isPending}
      onCheckedChange={(enable) => {
        if (!toggle.isPending) toggle.mutate(enable);
      }}
      className="group relative inline-flex h-6 w-11 shrink-0 cursor-pointer items-center rounded-full border border-transparent bg-control transition-colors data-checked:bg-primary data-disabled:cursor-default data-disabled:opacity-50 aria-busy:cursor-progress"
    >
      <Switch.Thumb className="size-5 translate-x-px rounded-full border border-transparent bg-surface shadow-card transition-transform group-aria-busy:scale-80 data-checked:translate-x-[21px]" />
    </Switch.Root>
  );
}
