/* The answers behind the charts of progress: asked for again, at the width that is drawn, when the part
 * that is looked at has come to rest. */
import type { RefObject } from 'preact';
import { useEffect, useMemo, useState } from 'preact/hooks';
import { address } from '../api';
import { extend, type Range, zooms } from '../charts/zoom';
import { type Answer, useQuery } from '../query';
import { align, type Column } from '../series';
import { useCell } from '../store';
import type { Curve, History, SeriesInfo } from '../types';

const REST_MS = 150;

/* Columns to ask for: rounded, so that a window being dragged larger asks a few times only. */
export function useWidth(of: RefObject<HTMLElement>, share = 1): number {
  const [width, setWidth] = useState(1000);
  useEffect(() => {
    const el = of.current;
    if (!el) return;
    const measure = () => setWidth(Math.max(300, Math.min(4000, Math.round(el.clientWidth / share / 200) * 200)));
    const o = new ResizeObserver(measure);
    o.observe(el);
    return () => o.disconnect();
  }, [share]);
  return width;
}

/* A margin on both sides: lines go on to the edge, and a little panning needs no asking. */
export function asked(range: Range | null): { from?: number; to?: number } {
  if (!range) return {};
  const margin = (range[1] - range[0]) * 0.25;
  return { from: Math.max(0, Math.floor(range[0] - margin)), to: Math.ceil(range[1] + margin) };
}

export function useSeries(run: string | undefined): Answer<{ series: SeriesInfo[] }> {
  return useQuery<{ series: SeriesInfo[] }>(address('/api/curves', { run }), { sources: ['gradebook'] });
}

export function useCurve(of: SeriesInfo | undefined, width: number, smoothing = 0): Answer<Curve> {
  const range = useCell(zooms.step.range);
  const url = of ? address(`/api/curves/${of.id}`, { ...asked(range), width, smoothing: smoothing || null }) : null;
  return useQuery<Curve>(url, { sources: ['gradebook'], debounce: range ? REST_MS : 0 });
}

export function useHistory(suite: string | undefined, run: string | undefined, width: number): Answer<History> {
  const range = useCell(zooms.step.range);
  return useQuery<History>(
    address('/api/gradebook/history', { suite, run, ...asked(range), width }),
    { sources: ['gradebook'], debounce: range ? REST_MS : 0 });
}

/* All charts of steps begin and end together. */
export function useExtent(series: SeriesInfo[] | undefined, history: History | null): void {
  const zoomed = useCell(zooms.step.range);
  useEffect(() => {
    if (zoomed) return;
    const ends = (series ?? []).flatMap((s) => [s.first_step, s.last_step]).filter((x): x is number => typeof x === 'number');
    const steps = [...ends, ...(history?.step ?? [])];
    if (!steps.length) return;
    let low = Infinity, high = -Infinity;
    for (const x of steps) {
      low = Math.min(low, x);
      high = Math.max(high, x);
    }
    // A first checkpoint alone is a point, and an axis needs a width; one at the edge is cut off.
    const margin = Math.max((high - low) * 0.01, 1);
    extend(zooms.step, [low - margin, high + margin]);
  }, [series, history, zoomed]);
}

interface Part {
  x: number[];
  y: (number | null)[];
}

/* align() for parts that may be missing; a stable answer while its parts are. */
export function useAligned(parts: (Part | null)[], keys: unknown[]): { x: number[]; y: Column[] } {
  return useMemo(() => {
    const [x, ...y] = align(parts.map((p) => p ?? { x: [], y: [] }));
    return { x, y };
  }, keys);
}
