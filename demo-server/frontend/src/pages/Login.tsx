import { useEffect, useId, useRef, useState } from "react";
import type { FormEvent, Ref } from "react";
import { Navigate, useLocation } from "react-router";
import { Brand } from "../components/Brand";
import { Button } from "../components/Button";
import { Notice } from "../components/Notice";
import { usePage } from "../hooks/use-page";
import { useSession, useSignIn } from "../hooks/use-session";
import { ApiProblem } from "../lib/api";
import { formatSeconds } from "../lib/format";
import { paths } from "../lib/paths";
import { record, textOrNull } from "../lib/plugin";
import { sentence } from "../lib/status";

/** What is waited when the server turns attempts away without saying for how long. */
const USUAL_WAIT_S = 30;

export function Login() {
  const heading = usePage("Sign in");
  const session = useSession();
  const signIn = useSignIn();
  const location = useLocation();
  const password = useRef<HTMLInputElement>(null);
  const [failedAt, setFailedAt] = useState(0);
  const wait = useCountdown(signIn.error, failedAt);

  useEffect(() => {
    if (signIn.error) password.current?.select();
  }, [signIn.error]);

  if (session.data) return <Navigate to={textOrNull(record(location.state)["from"]) ?? paths.plugins} replace />;

  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    if (signIn.isPending || wait > 0) return;
    const form = new FormData(event.currentTarget);
    const credentials = { username: textOf(form, "username"), password: textOf(form, "password") };
    signIn.mutate(credentials, { onError: () => setFailedAt(Date.now()) });
  };

  return (
    <main className="mx-auto flex min-h-dvh w-full max-w-sm flex-col justify-center px-4 py-12">
      <div className="rounded-card border border-line bg-surface p-6 shadow-card sm:p-8">
        <Brand />
        <h1 ref={heading} tabIndex={-1} className="mt-6 mb-6 text-title font-semibold tracking-tight">
          Sign in
        </h1>
        <form onSubmit={submit} className="space-y-4">
          <Field label="User name" name="username" autoComplete="username" />
          <Field label="Password" name="password" type="password" autoComplete="current-password" inputRef={password} />
          {signIn.error && (
            <Notice kind={wait > 0 ? "warning" : "danger"} role="alert">
              <p>{problemWords(signIn.error)}</p>
            </Notice>
          )}
          <Button type="submit" kind="primary" className="w-full" aria-disabled={signIn.isPending || wait > 0}>
            {buttonWords(signIn.isPending, wait)}
          </Button>
        </form>
      </div>
    </main>
  );
}

function textOf(form: FormData, name: string): string {
  const value = form.get(name);
  return typeof value === "string" ? value : "";
}

interface FieldProps {
  label: string;
  name: string;
  type?: "text" | "password";
  autoComplete: string;
  inputRef?: Ref<HTMLInputElement>;
}

function Field({ label, name, type = "text", autoComplete, inputRef }: FieldProps) {
  const id = useId();
  return (
    <div>
      <label htmlFor={id} className="mb-1.5 block font-medium">
        {label}
      </label>
      <input
        ref={inputRef}
        id={id}
        name={name}
        type={type}
        autoComplete={autoComplete}
        autoCapitalize="none"
        spellCheck={false}
        required
        className="h-10 w-full rounded-lg border border-control bg-surface px-3"
      />
    </div>
  );
}

function problemWords(error: Error): string {
  if (!(error instanceof ApiProblem)) return sentence(error.message);
  if (error.status === 0) return "The server cannot be reached. Check that it runs, and your connection.";
  if (error.code === "invalid_credentials") return "User name or password is wrong.";
  if (error.status === 429) {
    return `Too many attempts. Try again in ${formatSeconds(error.retryAfter ?? USUAL_WAIT_S)}.`;
  }
  if (error.code === "foreign_origin") {
    return "The server takes this page for another site's. Open it under the server's own address.";
  }
  return sentence(error.message);
}

function buttonWords(isPending: boolean, wait: number): string {
  if (isPending) return "Signing in…";
  return wait > 0 ? `Wait ${formatSeconds(wait)}` : "Sign in";
}

/** The seconds until another attempt makes sense, counting down. `failedAt` is when the server said so. */
function useCountdown(error: Error | null, failedAt: number): number {
  const wait = error instanceof ApiProblem && error.status === 429 ? (error.retryAfter ?? USUAL_WAIT_S) : 0;
  const end = failedAt + wait * 1000;
  const [now, setNow] = useState(failedAt);
  useEffect(() => {
    if (wait === 0) return undefined;
    const timer = setInterval(() => {
      setNow(Date.now());
      if (Date.now() >= end) clearInterval(timer);
    }, 250);
    return () => clearInterval(timer);
  }, [wait, end]);
  return Math.min(wait, Math.max(0, Math.ceil((end - now) / 1000)));
}
