import { Link } from "react-router";
import { usePage } from "../hooks/use-page";
import { paths } from "../lib/paths";

export function NotFound() {
  const heading = usePage("Page not found");
  return (
    <div className="mx-auto max-w-6xl">
      <h1 ref={heading} tabIndex={-1} className="text-title font-semibold tracking-tight">
        Page not found
      </h1>
      <p className="mt-2 text-muted">
        There is nothing at this address.{" "}
        <Link to={paths.plugins} className="font-medium text-primary underline">
          All plugins
        </Link>
      </p>
    </div>
  );
}
