import { useEffect, useId } from "react";
import type { FormEvent, RefObject } from "react";
import { Button } from "./Button";

export interface LicenseFormProps {
  fieldRef: RefObject<HTMLTextAreaElement | null>;
  /** The environment variable that may have the key instead. */
  variable: string;
  /** Whether the field was asked for, and so takes the focus. */
  takesFocus: boolean;
  isSending: boolean;
  onSend: () => void;
  /** Null when there is nothing to go back to. */
  onCancel: (() => void) | null;
}

/** Takes a licence key. It is kept in the field alone, and never in the state of a component. */
export function LicenseForm({ fieldRef, variable, takesFocus, isSending, onSend, onCancel }: LicenseFormProps) {
  const field = useId();
  const hint = useId();
  useEffect(() => {
    if (takesFocus) fieldRef.current?.focus();
  }, [takesFocus, fieldRef]);

  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    onSend();
  };

  return (
    <form onSubmit={submit} autoComplete="off">
      <label htmlFor={field} className="mb-1.5 block font-medium">
        Key from the vendor
      </label>
      <textarea
        ref={fieldRef}
        id={field}
        aria-describedby={hint}
        rows={4}
        autoComplete="off"
        autoCapitalize="none"
        autoCorrect="off"
        spellCheck={false}
        required
        readOnly={isSending}
        className="block w-full scroll-mt-20 resize-y rounded-lg border border-control bg-surface px-3 py-2 font-mono text-small break-all"
      />
      <p id={hint} className="mt-1.5 text-small text-muted wrap-anywhere">
        It is not shown again afterwards.
        {variable && (
          <>
            {" "}
            The server also takes it from the environment variable <code className="font-mono">{variable}</code> when it starts.
          </>
        )}
      </p>
      <div className="mt-4 flex flex-wrap gap-2">
        <Button type="submit" kind="primary" aria-disabled={isSending}>
          {isSending ? "Saving…" : "Save key"}
        </Button>
        {onCancel && (
          <Button aria-disabled={isSending} onClick={() => !isSending && onCancel()}>
            Cancel
          </Button>
        )}
      </div>
    </form>
  );
}
