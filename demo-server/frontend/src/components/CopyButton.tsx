import { useEffect, useState } from "react";
import { Check, Copy } from "lucide-react";
import { announce } from "../lib/announce";
import { showToast } from "../lib/toast";

/** Puts a text into the clipboard, and says so. */
export function CopyButton({ text, label }: { text: string; label: string }) {
  const [isDone, setIsDone] = useState(false);
  useEffect(() => {
    if (!isDone) return undefined;
    const timer = setTimeout(() => setIsDone(false), 2000);
    return () => clearTimeout(timer);
  }, [isDone]);

  const copy = async () => {
    try {
      await navigator.clipboard.writeText(text);
      setIsDone(true);
      announce("Copied.");
    } catch {
      // Browsers offer the clipboard to secure pages only.
      showToast("The browser did not allow copying. Select the text instead.", "warning");
    }
  };

  const Icon = isDone ? Check : Copy;
  return (
    <button
      type="button"
      aria-label={label}
      title={label}
      onClick={() => void copy()}
      className="inline-flex size-7 shrink-0 cursor-pointer items-center justify-center rounded-md text-muted hover:bg-hover hover:text-text"
    >
      <Icon className="size-4" aria-hidden />
    </button>
  );
}
