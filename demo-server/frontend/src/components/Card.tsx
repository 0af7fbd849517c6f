import { useId } from "react";
import type { ReactNode, Ref } from "react";

export interface CardProps {
  title: string;
  children: ReactNode;
  className?: string;
  /** For a heading that takes the focus. */
  headingRef?: Ref<HTMLHeadingElement>;
}

/** A part of a page with a heading of its own. */
export function Card({ title, children, className = "", headingRef }: CardProps) {
  const heading = useId();
  return (
    <section
      aria-labelledby={heading}
      className={`rounded-card border border-line bg-surface p-5 shadow-card sm:p-6 ${className}`}
    >
      <h2 ref={headingRef} tabIndex={headingRef ? -1 : undefined} id={heading} className="mb-4 scroll-mt-20 text-heading font-semibold">
        {title}
      </h2>
      {children}
    </section>
  );
}
