import { useState } from "react";
import { Dialog } from "@base-ui/react/dialog";
import { Menu, X } from "lucide-react";
import { ErrorBoundary } from "react-error-boundary";
import { Outlet, useLocation } from "react-router";
import { usePluginErrors } from "../hooks/use-plugin-errors";
import { usePluginEvents } from "../hooks/use-plugin-events";
import { Brand } from "./Brand";
import { PageError } from "./PageError";
import { Sidebar } from "./Sidebar";

/** What stays around every page. */
export function Shell() {
  usePluginEvents();
  usePluginErrors();
  const { pathname } = useLocation();
  return (
    <div className="min-h-dvh md:grid md:grid-cols-[16rem_minmax(0,1fr)]">
      <a
        href="#content"
        className="sr-only z-50 rounded-lg bg-primary px-4 py-2 text-on-primary focus:not-sr-only focus:fixed focus:top-3 focus:left-3"
        onClick={(event) => {
          event.preventDefault();
          document.getElementById("content")?.focus();
        }}
      >
        Skip to content
      </a>
      <aside className="sticky top-0 hidden h-dvh border-r border-line bg-surface md:block" aria-label="Sidebar">
        <Sidebar />
      </aside>
      <PhoneBar />
      <main id="content" tabIndex={-1} className="min-w-0 px-4 py-6 outline-none sm:px-8 sm:py-8">
        <ErrorBoundary FallbackComponent={PageError} resetKeys={[pathname]}>
          <Outlet />
        </ErrorBoundary>
      </main>
    </div>
  );
}

function PhoneBar() {
  const [isOpen, setIsOpen] = useState(false);
  return (
    <header className="sticky top-0 z-20 flex items-center justify-between border-b border-line bg-surface px-4 py-2 md:hidden">
      <Brand />
      <Dialog.Root open={isOpen} onOpenChange={setIsOpen}>
        <Dialog.Trigger aria-label="Open menu" className={BAR_BUTTON}>
          <Menu className="size-5" aria-hidden />
        </Dialog.Trigger>
        <Dialog.Portal>
          <Dialog.Backdrop className="fixed inset-0 z-30 bg-[oklch(0.15_0.01_278/55%)] transition-opacity data-ending-style:opacity-0 data-starting-style:opacity-0" />
          <Dialog.Popup className="fixed inset-y-0 right-0 z-40 w-72 max-w-[85vw] border-l border-line bg-surface transition-transform duration-200 outline-none data-ending-style:translate-x-full data-starting-style:translate-x-full">
            <Dialog.Title className="sr-only">Menu</Dialog.Title>
            <Sidebar onNavigate={() => setIsOpen(false)} />
            <Dialog.Close aria-label="Close menu" className={`absolute top-4 right-3 ${BAR_BUTTON}`}>
              <X className="size-5" aria-hidden />
            </Dialog.Close>
          </Dialog.Popup>
        </Dialog.Portal>
      </Dialog.Root>
    </header>
  );
}

const BAR_BUTTON =
  "flex size-10 cursor-pointer items-center justify-center rounded-lg text-muted hover:bg-hover hover:text-text";
