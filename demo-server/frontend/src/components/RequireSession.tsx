import type { ReactNode } from "react";
import { Navigate, useLocation } from "react-router";
import { useSession } from "../hooks/use-session";
import { paths } from "../lib/paths";
import { LoadProblem } from "./LoadProblem";
import { CardSkeletons, Skeleton } from "./Skeleton";

/** Shows what is for signed-in users only, and everyone else the way to sign in and back. */
export function RequireSession({ children }: { children: ReactNode }) {
  const session = useSession();
  const { pathname, search, hash } = useLocation();
  if (session.data) return children;
  if (session.data === null) return <Navigate to={paths.login} replace state={{ from: pathname + search + hash }} />;
  if (session.isError) {
    return (
      <main className="mx-auto max-w-xl px-4 pt-24">
        <h1 className="sr-only">Toru</h1>
        <LoadProblem error={session.error} what="Your session" onRetry={() => void session.refetch()} />
      </main>
    );
  }
  return (
    <div className="min-h-dvh md:grid md:grid-cols-[16rem_minmax(0,1fr)]">
      <div className="hidden border-r border-line bg-surface md:block" />
      <main className="min-w-0 px-4 py-6 sm:px-8 sm:py-8">
        <h1 className="sr-only">Loading</h1>
        <div className="mx-auto max-w-6xl">
          <Skeleton className="mb-6 h-8 w-40" />
          <CardSkeletons count={4} />
        </div>
      </main>
    </div>
  );
}
