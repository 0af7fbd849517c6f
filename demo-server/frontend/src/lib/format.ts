/** Numbers, times and sizes as people read them. */

const numbers = new Intl.NumberFormat("en");
const short = new Intl.NumberFormat("en", { maximumFractionDigits: 1 });

export function formatCount(count: number): string {
  return numbers.format(count);
}

export function plural(count: number, one: string, many = `${one}s`): string {
  return `${formatCount(count)} ${count === 1 ? one : many}`;
}

/** Bytes in the units that operating systems show: 1 KB is 1,000 bytes. */
export function formatBytes(bytes: number): string {
  const units = ["bytes", "KB", "MB", "GB", "TB"];
  let value = bytes;
  let unit = 0;
  while (value >= 1000 && unit < units.length - 1) {
    value /= 1000;
    unit += 1;
  }
  if (unit === 0) return plural(bytes, "byte");
  return `${short.format(value)} ${units[unit]}`;
}

export function formatNanoseconds(ns: number): string {
  if (ns < 1_000_000) return `${short.format(ns / 1000)} µs`;
  if (ns < 1_000_000_000) return `${short.format(ns / 1_000_000)} ms`;
  return formatSeconds(ns / 1_000_000_000);
}

/** A length of time in at most two units: `45 seconds`, `2 minutes 5 seconds`. */
export function formatSeconds(seconds: number): string {
  if (seconds < 10 && !Number.isInteger(seconds)) return `${short.format(seconds)} seconds`;
  const whole = Math.round(seconds);
  const parts = [
    [Math.floor(whole / 86_400), "day"],
    [Math.floor((whole % 86_400) / 3600), "hour"],
    [Math.floor((whole % 3600) / 60), "minute"],
    [whole % 60, "second"],
  ] as const;
  const told = parts.filter(([count]) => count > 0).slice(0, 2);
  return told.length > 0 ? told.map(([count, unit]) => plural(count, unit)).join(" ") : "0 seconds";
}

const clock = new Intl.DateTimeFormat("en", { dateStyle: "medium", timeStyle: "medium" });

export function formatTime(ms: number): string {
  return clock.format(ms);
}

/** How long ago something was, roughly. */
export function formatAgo(ms: number, now = Date.now()): string {
  const seconds = Math.max(0, Math.round((now - ms) / 1000));
  if (seconds < 45) return "just now";
  const minutes = Math.round(seconds / 60);
  if (minutes < 60) return `${plural(minutes, "minute")} ago`;
  const hours = Math.round(minutes / 60);
  if (hours < 36) return `${plural(hours, "hour")} ago`;
  return `${plural(Math.round(hours / 24), "day")} ago`;
}
