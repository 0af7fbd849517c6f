import { expect, it } from "vitest";
import { formatAgo, formatBytes, formatCount, formatNanoseconds, formatSeconds, plural } from "./format";

it("writes numbers as people read them", () => {
  expect([formatCount(1234567), plural(1, "file"), plural(2, "file")]).toEqual(["1,234,567", "1 file", "2 files"]);
  expect([0, 1, 999, 1234, 5_000_000, 7.5e15].map(formatBytes)).toEqual([
    "0 bytes",
    "1 byte",
    "999 bytes",
    "1.2 KB",
    "5 MB",
    "7,500 TB",
  ]);
});

it("writes times in units that fit", () => {
  expect([1500, 12_300_000, 2_500_000_000].map(formatNanoseconds)).toEqual(["1.5 µs", "12.3 ms", "2.5 seconds"]);
  expect([0, 1, 45, 125, 3600, 90_061].map(formatSeconds)).toEqual([
    "0 seconds",
    "1 second",
    "45 seconds",
    "2 minutes 5 seconds",
    "1 hour",
    "1 day 1 hour",
  ]);
});

it("tells how long ago something was, also with a clock that is behind", () => {
  const ago = (seconds: number) => formatAgo(1e12 - seconds * 1000, 1e12);
  expect([-60, 5, 120, 7200, 200_000].map(ago)).toEqual(["just now", "just now", "2 minutes ago", "2 hours ago", "2 days ago"]);
});
