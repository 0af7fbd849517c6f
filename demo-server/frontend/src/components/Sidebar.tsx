import { useId } from "react";
import type { ReactNode } from "react";
import { Blocks } from "lucide-react";
import { NavLink } from "react-router";
import { usePlugins } from "../hooks/use-plugins";
import { paths, pluginPage } from "../lib/paths";
import type { PluginEntry } from "../lib/paths";
import type { Plugin } from "../lib/plugin";
import { byName, isRunning, pluginName } from "../lib/plugin";
import { Brand } from "./Brand";
import { PluginIcon } from "./PluginIcon";
import { UserBlock } from "./UserBlock";

export function Sidebar({ onNavigate }: { onNavigate?: () => void }) {
  const plugins = usePlugins().data?.plugins ?? [];
  const running = plugins.filter(isRunning).toSorted(byName);
  return (
    <div className="flex h-full flex-col">
      <div className="px-5 pt-5 pb-4">
        <Brand />
      </div>
      <nav aria-label="Main" className="min-h-0 flex-1 overflow-y-auto px-3 pb-4">
        <ul>
          <Item to={paths.plugins} onNavigate={onNavigate}>
            <Blocks className="mx-0.5 size-5 shrink-0" aria-hidden />
            Plugins
          </Item>
        </ul>
        {running.length > 0 && <PluginItems running={running} all={plugins} onNavigate={onNavigate} />}
      </nav>
      <UserBlock />
    </div>
  );
}

interface PluginItemsProps {
  running: readonly Plugin[];
  all: readonly Plugin[];
  onNavigate: (() => void) | undefined;
}

function PluginItems({ running, all, onNavigate }: PluginItemsProps) {
  const heading = useId();
  return (
    <>
      <p id={heading} className="mt-5 mb-1.5 px-3 text-small font-medium text-muted">
        Your plugins
      </p>
      <ul aria-labelledby={heading}>
        {running.map((plugin) => (
          // One without a page of its own leads to what there is to know about it.
          <Item
            key={plugin.id}
            to={pluginPage(plugin, all) ?? paths.plugin(plugin.id)}
            state={{ plugin: plugin.id }}
            onNavigate={onNavigate}
          >
            <PluginIcon plugin={plugin} size="small" />
            <span className="truncate" title={pluginName(plugin)}>
              {pluginName(plugin)}
            </span>
          </Item>
        ))}
      </ul>
    </>
  );
}

interface ItemProps {
  to: string;
  state?: PluginEntry;
  children: ReactNode;
  onNavigate: (() => void) | undefined;
}

function Item({ to, state, children, onNavigate }: ItemProps) {
  return (
    <li>
      <NavLink
        to={to}
        state={state}
        onClick={onNavigate}
        className="flex min-h-10 items-center gap-3 rounded-lg px-2.5 font-medium text-muted hover:bg-hover hover:text-text aria-[current=page]:bg-primary-tint aria-[current=page]:text-text"
      >
        {children}
      </NavLink>
    </li>
  );
}
