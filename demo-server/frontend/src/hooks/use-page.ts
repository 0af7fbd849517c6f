import { useEffect, useRef } from "react";
import { useLocation } from "react-router";

/** Names the page in the browser's tab. Returns a reference for its heading, which takes the focus after a change of page. */
export function usePage(title: string) {
  const heading = useRef<HTMLHeadingElement>(null);
  const { key } = useLocation();
  // The first page of a visit leaves the focus to the browser.
  const isFirst = useRef(key === "default");

  useEffect(() => {
    document.title = `${title} · Toru`;
  }, [title]);

  useEffect(() => {
    if (!isFirst.current) heading.current?.focus({ preventScroll: true });
  }, []);

  return heading;
}
