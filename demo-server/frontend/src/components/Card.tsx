import { useId } from "react";
import type { ReactNode } from "react";

/** A part of a page with a heading of its own. */
export function Card({ title, children, className = "" }: { title: string; children: ReactNode; className?: string }) {
  const heading = useId();
  return (
    <section
      aria-labelledby={heading}
      className={`rounded-card border border-line bg-surface p-5 shadow-card sm:p-6 ${className}`}
    >
      <h2 id={heading} className="mb-4 text-heading font-semibold">
        {title}
      </h2>
      {children}
    </section>
  );
}
