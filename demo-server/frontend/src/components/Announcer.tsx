import { useSource } from "../hooks/use-source";
import { assertive, polite } from "../lib/announce";

/** The two live regions of the page. They are there before anything is said, or else readers miss it. */
export function Announcer() {
  const calm = useSource(polite);
  const urgent = useSource(assertive);
  return (
    <div className="sr-only">
      <div role="status" aria-live="polite">
        <span key={calm.count}>{calm.text}</span>
      </div>
      <div role="alert" aria-live="assertive">
        <span key={urgent.count}>{urgent.text}</span>
      </div>
    </div>
  );
}
