import { useEffect, useId, useRef } from "react";
import { Button } from "./Button";

export interface LicenseRemovalProps {
  /** Of the plugin. */
  name: string;
  isPending: boolean;
  onRemove: () => void;
  onCancel: () => void;
}

/** Asks whether a licence key shall really go. */
export function LicenseRemoval({ name, isPending, onRemove, onCancel }: LicenseRemovalProps) {
  const question = useId();
  const consequence = useId();
  const remove = useRef<HTMLButtonElement>(null);
  useEffect(() => remove.current?.focus(), []);
  return (
    <div role="group" aria-labelledby={question} className="rounded-card bg-warning-tint px-4 py-3">
      <p id={question} className="font-medium">
        Remove the licence key?
      </p>
      <p id={consequence} className="wrap-anywhere">
        {name} may stop working without it. What it has stored stays.
      </p>
      <div className="mt-3 flex flex-wrap gap-2">
        <Button ref={remove} aria-describedby={consequence} aria-disabled={isPending} onClick={onRemove}>
          {isPending ? "Removing…" : "Remove key"}
        </Button>
        <Button aria-disabled={isPending} onClick={() => !isPending && onCancel()}>
          Keep it
        </Button>
      </div>
    </div>
  );
}
