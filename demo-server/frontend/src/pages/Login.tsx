import { useEffect, useId, useRef, useState } from "react";
import type { FormEvent } from "react";
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
  const wait = useCountdown(signIn.error);

  useEffect(() => {
    if (signIn.error) password.current?.select();
  }, [signIn.error]);

  if (session.data) return <Navigate to={textOrNull(record(location.state)["from"]) ?? paths.plugins} replace />;

  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    if (signIn.isPending || wait > 0) return;
    const form = new FormData(event.currentTarget);
    signIn.mutate({ username: String(form.get("username") ?? ""), password: String(form.get("password") ?? "") });
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

interface FieldProps {
  label: string;
  name: string;
  type?: "text" | "password";
  autoComplete: string;
  inputRef?: React.Ref<HTMLInputElement>;
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

/** The seconds until another attempt makes sense, counting down. */
function useCountdown(error: Error | null): number {
  const [left, setLeft] = useState(0);
  useEffect(() => {
    if (!(error instanceof ApiProblem) || error.status !== 429) {
      setLeft(0);
      return undefined;
    }
    const end = Date.now() + (error.retryAfter ?? USUAL_WAIT_S) * 1000;
    const tell = () => setLeft(Math.max(0, Math.ceil((end - Date.now()) / 1000)));
    tell();
    const timer = setInterval(tell, 1000);
    return () => clearInterval(timer);
  }, [error]);
  return left;
}
