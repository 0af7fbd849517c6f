import { ApiProblem } from "../lib/api";
import { sentence } from "../lib/status";
import { Button } from "./Button";
import { Notice } from "./Notice";

/** In place of what could not be read from the server. */
export function LoadProblem({ error, what, onRetry }: { error: Error; what: string; onRetry: () => void }) {
  const reference = error instanceof ApiProblem ? error.reference : null;
  return (
    <Notice
      kind="danger"
      role="alert"
      title={`${what} could not be read`}
      action={<Button onClick={onRetry}>Try again</Button>}
    >
      <p>{sentence(error.message)}</p>
      {reference && <p className="text-small text-muted">The server's log has more under {reference}.</p>}
    </Notice>
  );
}
