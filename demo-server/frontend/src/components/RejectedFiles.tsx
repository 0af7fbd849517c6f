import type { RejectedFile } from "../lib/plugin";
import { sentence } from "../lib/status";
import { Card } from "./Card";

/** Files of the plugins folder that are no plugins, and why. */
export function RejectedFiles({ files }: { files: readonly RejectedFile[] }) {
  if (files.length === 0) return null;
  return (
    <Card title="Files that cannot be used">
      <ul className="-mt-2 divide-y divide-line">
        {files.map((file, index) => (
          // oxlint-disable-next-line react/no-array-index-key -- two files may have no name
          <li key={index} className="py-3 first:pt-0 last:pb-0">
            <p className="font-mono text-small font-medium wrap-anywhere">{file.file ?? "(a file whose name cannot be shown)"}</p>
            <p className="mt-1 wrap-anywhere">{sentence(file.message)}</p>
            <p className="text-small text-muted wrap-anywhere">
              Code <code className="font-mono">{file.code}</code>
            </p>
          </li>
        ))}
      </ul>
    </Card>
  );
}
