/** The mark: something that passes through. */
export function Brand() {
  return (
    <span className="flex items-center gap-2.5">
      <svg viewBox="0 0 32 32" className="size-8 text-primary" aria-hidden>
        <rect width="32" height="32" rx="8" fill="currentColor" />
        <path d="M12 8v16M20 8v16" className="stroke-on-primary" strokeOpacity="0.55" strokeWidth="3" strokeLinecap="round" />
        <path d="M6.5 16h19" className="stroke-on-primary" strokeWidth="3" strokeLinecap="round" />
      </svg>
      <span className="text-heading font-semibold tracking-tight">Toru</span>
    </span>
  );
}
