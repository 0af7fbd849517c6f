import { useEffect, useLayoutEffect, useRef } from "react";
import { useLocation } from "react-router";

/** Calls `onVisit` when the address leads to a part of the page, such as `#licence-key`, and each time a link to it is followed. */
export function usePart(part: string, onVisit: () => void): void {
  const { hash, key } = useLocation();
  const latest = useRef(onVisit);
  useLayoutEffect(() => {
    latest.current = onVisit;
  });
  const visit = hash === part ? key : null;
  useEffect(() => {
    if (visit !== null) latest.current();
  }, [visit]);
}
