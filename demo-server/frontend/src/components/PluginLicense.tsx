import { useRef, useState } from "react";
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { useChangeLicense } from "../hooks/use-change-license";
import { usePart } from "../hooks/use-part";
import { api } from "../lib/api";
import type { PluginLicense as License } from "../lib/license";
import { hasLicenseFault } from "../lib/license";
import { LICENSE_PART } from "../lib/paths";
import type { Plugin } from "../lib/plugin";
import { pluginName } from "../lib/plugin";
import { keys } from "../lib/query";
import { sentence } from "../lib/status";
import { Button } from "./Button";
import { Card } from "./Card";
import { LicenseFacts } from "./LicenseFacts";
import { LicenseForm } from "./LicenseForm";
import { LicenseRemoval } from "./LicenseRemoval";
import { LoadProblem } from "./LoadProblem";
import { Notice } from "./Notice";

export interface PluginLicenseProps {
  plugin: Plugin;
  isReadOnly: boolean;
}

/** The licence key of a plugin, by its ends, and what can be done about it; nothing when the server does not tell. */
export function PluginLicense({ plugin, isReadOnly }: PluginLicenseProps) {
  const { id, status } = plugin;
  const license = useQuery({
    // A plugin that was started anew may ask for a key, or not any more.
    queryKey: keys.license(id, status),
    queryFn: ({ signal }) => api.license(id, signal),
    placeholderData: keepPreviousData,
    retry: false,
  });
  if (license.isLoadingError) {
    return <LoadProblem error={license.error} what="The licence key" onRetry={() => void license.refetch()} />;
  }
  return license.data ? <LicenseCard plugin={plugin} license={license.data} isReadOnly={isReadOnly} /> : null;
}

/** What an administrator is about to do. */
type Deed = "nothing" | "entering" | "removing";

function LicenseCard({ plugin, license, isReadOnly }: PluginLicenseProps & { license: License }) {
  const { key, askedFor } = license;
  const name = pluginName(plugin);
  const heading = useRef<HTMLHeadingElement>(null);
  const field = useRef<HTMLTextAreaElement>(null);
  const [deed, setDeed] = useState<Deed>("nothing");
  const change = useChangeLicense(plugin, field);

  const isGiven = change.variables === "give";
  // Only of the key that was just sent: why the plugin does not run is told above too.
  const refusal = isGiven && change.isSuccess && hasLicenseFault(plugin) ? plugin.status.error : null;
  const isFixed = isReadOnly || (key !== null && !key.isStored);
  const isWanted = key === null && (askedFor || hasLicenseFault(plugin));
  const isOpen = deed === "entering" || (deed === "nothing" && isWanted) || (isGiven && (change.isPending || refusal !== null));
  const isEntering = !isFixed && isOpen;
  const isRemoving = !isFixed && !isOpen && deed === "removing" && (key !== null || change.isPending);

  const start = (next: Deed) => {
    change.reset();
    setDeed(next);
  };
  const end = () => {
    start("nothing");
    // What was pressed last goes away.
    heading.current?.focus();
  };
  const send = () => {
    if (change.isPending) return;
    change.mutate("give", {
      onSuccess: (after) => (hasLicenseFault(after) ? field.current?.focus() : end()),
      onError: () => field.current?.focus(),
    });
  };
  const remove = () => {
    if (!change.isPending) change.mutate("remove", { onSuccess: end });
  };

  usePart(LICENSE_PART, () => {
    if (isFixed) heading.current?.focus();
    else if (!change.isPending) setDeed("entering");
    // A field that is not there yet takes the focus when it appears.
    field.current?.focus();
  });

  return (
    <Card title="Licence key" headingRef={heading}>
      <div className="space-y-4">
        {key || isEntering ? <LicenseFacts license={license} /> : <p>{noKeyWords(name, license)}</p>}
        {isFixed && <p className="text-muted">{fixedWords(license)}</p>}
        {change.error && (
          <Notice kind="danger" role="alert">
            <p>{sentence(change.error.message)}</p>
          </Notice>
        )}
        {refusal && (
          <Notice kind="danger" role="alert" title={`${name} does not accept this key`}>
            <p>{sentence(refusal.message)}</p>
          </Notice>
        )}
        {isEntering && (
          <LicenseForm
            fieldRef={field}
            variable={license.variable}
            takesFocus={deed === "entering"}
            isSending={change.isPending}
            onSend={send}
            onCancel={isWanted ? null : end}
          />
        )}
        {isRemoving && <LicenseRemoval name={name} isPending={change.isPending} onRemove={remove} onCancel={end} />}
        {!isFixed && !isEntering && !isRemoving && (
          <div className="flex flex-wrap gap-2">
            <Button onClick={() => start("entering")}>{key ? "Replace" : "Enter a licence key"}</Button>
            {key && <Button onClick={() => start("removing")}>Remove</Button>}
          </div>
        )}
      </div>
    </Card>
  );
}

function noKeyWords(name: string, { askedFor }: License): string {
  return askedFor ? `${name} asks for a licence key, and there is none.` : `${name} has not asked for a licence key.`;
}

function fixedWords({ key }: License): string {
  if (key && !key.isStored) {
    return "It comes before any key that is entered here. Change the variable and start the server again.";
  }
  return "The recorded state is read only: the licence key cannot be changed here.";
}
