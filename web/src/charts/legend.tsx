/* What stands above a chart: each line's value under the cursor, or its last one. */
import { interval, known, NONE } from '../format';
import { closest } from '../series';
import { type Cell, useCell } from '../store';
import { Text } from '../parts/text';
import type { At } from './chart';
import { place } from './chart';
import type { Line } from './lines';
import { MARKS } from './marks';
import type { Axis } from './zoom';

/* The line's own point nearest to the cursor: at most steps only one of the lines has one. */
function nearest(l: Line, x: number[], idx: number): number | null {
  for (let by = 0; by < x.length; by++) {
    const before = idx - by, after = idx + by;
    const hasBefore = before >= 0 && l.y[before] !== undefined, hasAfter = after < x.length && l.y[after] !== undefined;
    if (hasBefore && hasAfter && before !== after)
      return x[idx]! - x[before]! <= x[after]! - x[idx]! ? before : after;
    if (hasBefore) return before;
    if (hasAfter) return after;
    if (before < 0 && after >= x.length) return null;
  }
  return null;
}

export interface Reading {
  value: number | null;
  text: string;
  ci: string;
  n: number | null;
  where: string; // set where the point is another step's
}

export function read(l: Line, axis: Axis, x: number[], idx: number | null, show: (v: number) => string): Reading {
  const i = x.length ? nearest(l, x, idx ?? x.length - 1) : null;
  const value = i === null ? null : l.y[i] ?? null;
  if (i === null || !known(value)) return { value: null, text: NONE, ci: '', n: null, where: '' };
  const low = l.low?.[i], high = l.high?.[i], n = l.n?.[i];
  return {
    value, text: show(value), n: known(n) ? n : null,
    ci: known(low) && known(high) ? interval(low, high, show) : '',
    where: idx !== null && i !== idx ? place(axis, x[i]) : '',
  };
}

export function spoken(axis: Axis, x: number[], lines: Line[], show: (v: number) => string, at: At): string {
  const idx = closest(x, at.x);
  if (idx === null) return '';
  const values = lines.filter((l) => !l.faint).map((l) => {
    const r = read(l, axis, x, idx, show);
    return `${l.label} ${r.value === null ? 'not known' : r.text}${r.ci ? ` (${r.ci})` : ''}`;
  });
  return [place(axis, x[idx]), ...values, ...at.marks.map((m) => m.text)].join(', ');
}

export function Legend({ at, axis, x, lines, show }: {
  at: Cell<At>; axis: Axis; x: number[]; lines: Line[]; show: (v: number) => string;
}) {
  const { x: cursor, marks } = useCell(at), idx = closest(x, cursor);
  return (
    <div class="legend">
      <span class="legend-at num">{idx === null ? 'latest' : place(axis, x[idx])}</span>
      {lines.map((l) => {
        const r = read(l, axis, x, idx, show);
        return (
          <span class={`legend-item${l.faint ? ' faint' : ''}`} title={r.value === null ? l.why ?? 'no point' : undefined}>
            <i class={`swatch c-${l.color}${l.dash ? ' dashed' : ''}`} /> {l.label}{' '}
            <b class="num">{r.text}</b>
            {r.ci && <small class="num"> {r.ci}</small>}
            {r.n !== null && <small class="num"> n {r.n}</small>}
            {r.where && <small class="num"> at {r.where}</small>}
          </span>
        );
      })}
      {marks.slice(0, 3).map((m) => (
        <span class={`legend-mark c-${MARKS[m.kind]?.color}`}>
          {MARKS[m.kind]?.sign} {MARKS[m.kind]?.word}: <Text of={m.text} most={160} />
        </span>
      ))}
    </div>
  );
}
