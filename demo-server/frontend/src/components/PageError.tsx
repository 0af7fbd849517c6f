import type { FallbackProps } from "react-error-boundary";
import { thrownWords } from "../lib/view-failure";
import { Button } from "./Button";
import { Notice } from "./Notice";

/** In place of a page that could not be drawn. The rest of the interface goes on. */
export function PageError({ error, resetErrorBoundary }: FallbackProps) {
  return (
    <Notice
      kind="danger"
      role="alert"
      title="This page stopped with an error"
      action={<Button onClick={resetErrorBoundary}>Try again</Button>}
    >
      <p>{thrownWords(error).message}</p>
    </Notice>
  );
}
