import type { ReactNode } from "react";
import type { LucideIcon } from "lucide-react";

/** Says why there is nothing here, and what the next step is. */
export function EmptyState({ icon: Icon, title, children }: { icon: LucideIcon; title: string; children: ReactNode }) {
  return (
    <div className="flex flex-col items-center rounded-card border border-dashed border-line px-6 py-14 text-center">
      <div className="mb-4 flex size-12 items-center justify-center rounded-full bg-primary-tint text-primary">
        <Icon className="size-6" aria-hidden />
      </div>
      <h2 className="text-heading font-semibold">{title}</h2>
      <div className="mt-2 max-w-prose text-muted">{children}</div>
    </div>
  );
}
