import { LogOut } from "lucide-react";
import { useSession, useSignOut } from "../hooks/use-session";
import { showToast } from "../lib/toast";
import { ThemeSwitch } from "./ThemeSwitch";

const ROLES = { admin: "Administrator", user: "User" };

export function UserBlock() {
  const user = useSession().data;
  const signOut = useSignOut();
  if (!user) return null;
  return (
    <div className="space-y-3 border-t border-line p-4">
      <ThemeSwitch />
      <div className="flex items-center gap-2">
        <div className="min-w-0 flex-1">
          <p className="truncate font-medium">{user.name}</p>
          <p className="text-small text-muted">{ROLES[user.role]}</p>
        </div>
        <button
          type="button"
          aria-label="Sign out"
          title="Sign out"
          disabled={signOut.isPending}
          onClick={() =>
            signOut.mutate(undefined, {
              onError: (error) => showToast(`You are still signed in. ${error.message}`, "error"),
            })
          }
          className="flex size-9 cursor-pointer items-center justify-center rounded-lg text-muted hover:bg-hover hover:text-text disabled:opacity-60"
        >
          <LogOut className="size-4.5" aria-hidden />
        </button>
      </div>
    </div>
  );
}
