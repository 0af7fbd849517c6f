const UNITS = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];

/** Three digits and a unit: `1.46 GiB`. */
export function bytes(value: number): string {
  let unit = 0;
  let scaled = value;
  // What would be rounded to 1000 or more takes the next unit.
  while (scaled >= 999.5 && unit < UNITS.length - 1) {
    scaled /= 1024;
    unit += 1;
  }
  const digits = unit === 0 || scaled >= 99.95 ? 0 : scaled >= 9.995 ? 1 : 2;
  return `${scaled.toFixed(digits)} ${UNITS[unit]}`;
}

export function rate(value: number): string {
  return `${bytes(value)}/s`;
}

export function percent(value: number): string {
  return `${value.toFixed(value < 9.95 ? 1 : 0)} %`;
}

/** Part of a whole in percent; 0 of nothing. */
export function share(part: number, whole: number): number {
  return whole > 0 ? (100 * part) / whole : 0;
}

/** The two largest units: `3 d 4 h`. */
export function duration(seconds: number): string {
  const minutes = Math.floor(seconds / 60);
  const hours = Math.floor(minutes / 60);
  const days = Math.floor(hours / 24);
  if (days > 0) return `${days} d ${hours % 24} h`;
  if (hours > 0) return `${hours} h ${minutes % 60} min`;
  return `${minutes} min`;
}

export function interval(ms: number): string {
  return ms < 1000 ? `${ms} ms` : `${ms / 1000} s`;
}

/** The next round number of bytes above, as the top of a scale: 1, 2 or 5, 10, 20, … of a unit. */
export function roundUp(value: number): number {
  let unit = 1;
  while (value >= unit * 1000) unit *= 1024;
  for (let step = unit; ; step *= 10) {
    for (const top of [step, 2 * step, 5 * step]) {
      if (top >= value) return top;
    }
  }
}
