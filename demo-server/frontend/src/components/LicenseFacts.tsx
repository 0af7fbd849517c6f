import type { PluginLicense } from "../lib/license";
import { CopyButton } from "./CopyButton";
import { Fact, Facts } from "./Facts";

/** What may be seen of a licence key, and the id that vendors bind it to. */
export function LicenseFacts({ license: { key, instanceId, variable } }: { license: PluginLicense }) {
  return (
    <Facts>
      <Fact name="Key">{key && <code className="font-mono text-small">{key.masked}</code>}</Fact>
      <Fact name="Comes from">
        {key && (key.isStored ? "Entered here" : <EnvironmentVariable name={variable} />)}
      </Fact>
      <Fact name="This installation">
        {instanceId && (
          <>
            <span className="flex items-center gap-1 sm:-my-0.5">
              <code className="font-mono text-small">{instanceId}</code>
              <CopyButton text={instanceId} label="Copy the id of this installation" />
            </span>
            <span className="block text-small text-muted">Send this id to the vendor, who makes the key for it.</span>
          </>
        )}
      </Fact>
    </Facts>
  );
}

function EnvironmentVariable({ name }: { name: string }) {
  return (
    <>
      The environment variable <code className="font-mono text-small">{name}</code> of the server
    </>
  );
}
