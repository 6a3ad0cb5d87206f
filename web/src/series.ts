/* Columns of numbers as a chart takes them. */

export type Column = (number | null | undefined)[];

export interface Xy {
  x: number[];
  y: (number | null)[];
}

/* One ascending x axis for several series.  null is a gap that the series itself has (logged, and not
 * a number); undefined is a place where only another series has a point, and the line goes through. */
export function align(series: Xy[]): [number[], ...Column[]] {
  const xs = new Set<number>();
  for (const s of series) for (const x of s.x) xs.add(x);
  const axis = [...xs].sort((a, b) => a - b);
  const place = new Map<number, number>();
  axis.forEach((x, i) => place.set(x, i));
  const columns = series.map((s) => {
    const out: Column = new Array(axis.length).fill(undefined);
    s.x.forEach((x, i) => {
      out[place.get(x)!] = s.y[i] ?? null;
    });
    return out;
  });
  return [axis, ...columns];
}

/* The part of a shared axis that is asked for, within what there is: null where that is all. */
export function clampRange(
  range: [number, number], all: [number, number], least = 2,
): [number, number] | null {
  let [low, high] = range;
  const width = Math.min(Math.max(high - low, least), all[1] - all[0]);
  low = Math.max(all[0], Math.min(low, all[1] - width));
  high = low + width;
  return width >= (all[1] - all[0]) * 0.999 ? null : [low, high];
}

/* The index of what lies nearest in an ascending column; null of nothing. */
export function closest(x: number[], to: number | null): number | null {
  if (to === null || !x.length) return null;
  let low = 0, high = x.length - 1;
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (x[middle]! <= to) low = middle;
    else high = middle;
  }
  return to - x[low]! <= x[high]! - to ? low : high;
}

/* The bounds of all that has a number; null without any. */
export function bounds(columns: Iterable<number | null | undefined>[]): [number, number] | null {
  let low = Infinity, high = -Infinity;
  for (const column of columns)
    for (const v of column)
      if (v !== null && v !== undefined && Number.isFinite(v)) {
        if (v < low) low = v;
        if (v > high) high = v;
      }
  return low <= high ? [low, high] : null;
}

export function csv(head: string[], rows: (string | number | null | undefined)[][]): string {
  const cell = (v: string | number | null | undefined) => {
    const text = v === null || v === undefined ? '' : String(v);
    // A spreadsheet runs what begins like a formula, and names come from files.
    const safe = typeof v === 'string' && /^[=+\-@\t\r]/.test(text) ? `'${text}` : text;
    return /[",\n\r]/.test(safe) ? `"${safe.replace(/"/g, '""')}"` : safe;
  };
  return [head, ...rows].map((r) => r.map(cell).join(',')).join('\r\n') + '\r\n';
}

/* The 95 % interval of a share (Wilson), as the program has it. */
export function wilson(k: number, n: number): [number, number] | null {
  if (!(n > 0)) return null;
  const z = 1.959963984540054, p = k / n, d = 1 + (z * z) / n;
  const middle = (p + (z * z) / (2 * n)) / d;
  const half = (z * Math.sqrt((p * (1 - p)) / n + (z * z) / (4 * n * n))) / d;
  return [Math.max(0, middle - half), Math.min(1, middle + half)];
}
