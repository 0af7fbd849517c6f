import type { PluginList } from "../lib/plugin";
import { sentence } from "../lib/status";
import { Notice } from "./Notice";

/** What administrators should know about the state that the server keeps. */
export function StateNotices({ list }: { list: PluginList }) {
  if (!list.read_only && list.notices.length === 0) return null;
  return (
    <div className="space-y-3">
      {list.read_only && (
        <Notice kind="warning" title="Read only">
          <p>A newer version of the server wrote the recorded state. Plugins cannot be enabled or disabled here.</p>
        </Notice>
      )}
      {list.notices.map((notice) => (
        <Notice key={`${notice.code} ${notice.message}`} kind="info">
          <p>{sentence(notice.message)}</p>
        </Notice>
      ))}
    </div>
  );
}
