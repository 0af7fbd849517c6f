/** Stands where something will be, in about its size. */
export function Skeleton({ className }: { className: string }) {
  return <div aria-hidden className={`skeleton ${className}`} />;
}

/** Placeholders for a grid of cards. */
export function CardSkeletons({ count }: { count: number }) {
  return (
    <div role="status" aria-label="Loading" className="grid grid-cols-[repeat(auto-fill,minmax(min(22rem,100%),1fr))] gap-4">
      {Array.from({ length: count }, (_, index) => (
        <div key={index} className="rounded-card border border-line bg-surface p-5 shadow-card">
          <div className="flex gap-4">
            <Skeleton className="size-11 rounded-lg" />
            <div className="flex-1">
              <Skeleton className="mt-1 h-4 w-2/5" />
              <Skeleton className="mt-3 h-3 w-3/5" />
            </div>
          </div>
          <Skeleton className="mt-6 h-3 w-4/5" />
          <Skeleton className="mt-7 h-3 w-1/4" />
        </div>
      ))}
    </div>
  );
}
