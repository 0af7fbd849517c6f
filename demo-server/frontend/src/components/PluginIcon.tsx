import type { Plugin } from "../lib/plugin";
import { pluginName } from "../lib/plugin";

const segmenter = new Intl.Segmenter("en", { granularity: "grapheme" });

const SIZES = {
  small: "size-6 rounded-md text-body",
  medium: "size-11 rounded-lg text-title",
};

/** A plugin's icon, or the first letter of its name. Longer texts are cut to what fits. */
export function PluginIcon({ plugin, size }: { plugin: Plugin; size: keyof typeof SIZES }) {
  const icon = plugin.metadata?.icon;
  const text = firstOf(icon?.trim() || pluginName(plugin).toUpperCase());
  const look = icon ? "" : "font-semibold text-primary";
  return (
    <span
      aria-hidden
      className={`inline-flex shrink-0 items-center justify-center overflow-hidden bg-primary-tint leading-none ${SIZES[size]} ${look}`}
    >
      <span className="scale-80">{text}</span>
    </span>
  );
}

function firstOf(text: string): string {
  for (const { segment } of segmenter.segment(text)) return segment;
  return "";
}
