/* Which part of the x axis is looked at: one range for all charts that share an axis. */
import { clampRange } from '../series';
import { cell, type Cell } from '../store';

export type Axis = 'step' | 'time';
export type Range = [number, number];

export interface Zoom {
  range: Cell<Range | null>; // null: all of it
  all: Cell<Range>;
}

export const zooms: Record<Axis, Zoom> = {
  step: { range: cell<Range | null>(null), all: cell<Range>([0, 1]) },
  time: { range: cell<Range | null>(null), all: cell<Range>([0, 1]) },
};

export function shown(z: Zoom): Range {
  return z.range.get() ?? z.all.get();
}

export function zoomTo(z: Zoom, range: Range | null): void {
  const all = z.all.get(), least = (all[1] - all[0]) / 1e6;
  z.range.set(range && clampRange(range, all, Math.max(least, 1)));
}

export function zoomBy(z: Zoom, factor: number, around?: number): void {
  const [low, high] = shown(z), at = around ?? (low + high) / 2;
  zoomTo(z, [at - (at - low) * factor, at + (high - at) * factor]);
}

export function panBy(z: Zoom, share: number): void {
  const [low, high] = shown(z), by = (high - low) * share;
  zoomTo(z, [low + by, high + by]);
}

/* All of a chart's data has come to reach further: who looks at all of it goes on doing so. */
export function extend(z: Zoom, all: Range): void {
  const [low, high] = z.all.get();
  if (all[0] !== low || all[1] !== high) z.all.set(all);
}
