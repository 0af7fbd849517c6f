import { cleanup, configure } from "@testing-library/react";
import { afterEach, vi } from "vitest";

// What appears does so on a busy machine too, if later than within the usual second.
configure({ asyncUtilTimeout: 20_000 });

afterEach(() => {
  cleanup();
  vi.unstubAllGlobals();
  vi.useRealTimers();
});
