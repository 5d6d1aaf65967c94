// Numbers with their units, as people read them.

const TIME_UNITS = [
  ['d', 86_400],
  ['h', 3600],
  ['min', 60],
  ['s', 1],
] as const;

const BYTE_UNITS = ['B', 'KB', 'MB', 'GB', 'TB', 'PB'] as const;

/** The two largest units: `2 d 3 h`, `4 min 5 s`. */
export function duration(seconds: number): string {
  const first = TIME_UNITS.findIndex(([, size]) => seconds >= size);
  if (first < 0) return '0 s';
  let rest = Math.floor(seconds);
  const parts = TIME_UNITS.slice(first, first + 2).map(([name, size]) => {
    const count = Math.floor(rest / size);
    rest %= size;
    return `${count} ${name}`;
  });
  return parts.join(' ');
}

/** Below ten seconds to the millisecond: what is told of just happened. */
export function age(seconds: number): string {
  if (seconds >= 10) return duration(seconds);
  return seconds < 1 ? `${Math.round(seconds * 1000)} ms` : `${seconds.toFixed(1)} s`;
}

/** 0 is unknown. */
export function micros(time: number): string {
  if (time === 0) return '-';
  if (time < 9.95) return `${time.toFixed(1)} µs`;
  return time < 1000 ? `${Math.round(time)} µs` : `${(time / 1000).toFixed(2)} ms`;
}

/** Three digits: `0 B`, `1.42 KB`, `51.2 KB`, `716 MB`. */
export function bytes(count: number): string {
  let unit = 0;
  let rest = count;
  // 999.5 would be written as 1000.
  while (rest >= 999.5 && unit < BYTE_UNITS.length - 1) {
    rest /= 1000;
    unit++;
  }
  const digits = unit === 0 || rest >= 99.95 ? 0 : rest >= 9.995 ? 1 : 2;
  return `${rest.toFixed(digits)} ${BYTE_UNITS[unit]}`;
}

/** `1 frame`, `3 frames`. */
export function count(number: number, thing: string): string {
  return `${number} ${thing}${number === 1 ? '' : 's'}`;
}
