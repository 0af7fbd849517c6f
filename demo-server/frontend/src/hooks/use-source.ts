import { useSyncExternalStore } from "react";
import type { Source } from "../lib/source";

export function useSource<T>(source: Source<T>): T {
  return useSyncExternalStore(source.follow, () => source.value);
}
