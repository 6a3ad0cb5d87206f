/* One chart: drawing, read-out, tools and the table behind it.  Charts with the same axis share its
 * cursor and zoom (zoom.ts).  Only what the server decimated is drawn; while new points are on their
 * way the old ones are moved along. */
import type { ComponentChildren } from 'preact';
import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import uPlot from 'uplot';
import { clock, count } from '../format';
import { cell, useCell } from '../store';
import { themeTurn } from '../theme';
import type { Mark } from '../types';
import { saveCsv, savePng } from './export';
import { interact, onKey } from './interact';
import { Legend, spoken } from './legend';
import { columns, type Line, type Look, options } from './lines';
import { marksAt } from './marks';
import { DataTable } from './table';
import { type Axis, shown, zooms } from './zoom';

interface Props {
  title: string;
  x: number[];
  lines: Line[];
  axis?: Axis;
  show: (x: number) => string;
  hard?: [number | null, number | null];
  zero?: boolean;
  binary?: boolean;
  log?: boolean; // how it begins; undefined: there is no such button
  marks?: Mark[];
  height?: number;
  decimated?: boolean;
  note?: ComponentChildren;
  old?: boolean; // newer points are on their way
}

/* Where the cursor is, as a value: an index would mean another point as soon as new data came. */
export interface At {
  x: number | null;
  marks: Mark[];
}

const NO_MARKS: Mark[] = [];

function cursorAt(u: uPlot): number | null {
  const idx = u.cursor.idx;
  return (u.cursor.left ?? -1) < 0 || idx === null || idx === undefined ? null : u.data[0][idx] ?? null;
}

export function Chart(props: Props) {
  const { title, x, lines, axis = 'step', show, hard, marks = NO_MARKS, height = 200 } = props;
  const host = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const live = useRef({ marks, x, lines });
  live.current = { marks, x, lines };
  const at = useMemo(() => cell<At>({ x: null, marks: [] }), []);
  const [log, setLog] = useState(props.log ?? false);
  const [said, setSaid] = useState('');
  const [asTable, setAsTable] = useState(false);
  const turn = useCell(themeTurn);
  const zoom = zooms[axis];
  const look: Look = { axis, log, show, hard, zero: props.zero, binary: props.binary };
  const data = useMemo(() => columns(x, lines, log), [x, lines, log]);
  const shape = lines.map((l) => `${l.label}|${l.color}|${!!l.low}|${!!l.faint}|${!!l.points}`).join();

  useEffect(() => {
    const el = host.current!;
    const size = () => ({ width: Math.max(el.clientWidth, 80), height });
    const range = shown(zoom);
    const u = new uPlot(
      options(lines, look, zoom, size(), () => live.current.marks,
        (p) => at.set({ x: cursorAt(p), marks: marksAt(p, live.current.marks) })),
      data, el);
    u.setScale('x', { min: range[0], max: range[1] });
    plot.current = u;
    const follow = () => {
      const [min, max] = shown(zoom);
      u.setScale('x', { min, max });
    };
    const offs = [zoom.range.on(follow), zoom.all.on(follow), interact(u, zoom, el)];
    const resize = new ResizeObserver(() => u.setSize(size()));
    resize.observe(el);
    return () => {
      resize.disconnect();
      for (const off of offs) off();
      u.destroy();
      plot.current = null;
    };
  }, [shape, log, turn, height, axis]);

  useEffect(() => {
    const u = plot.current;
    if (!u || u.data === data) return;
    const [min, max] = shown(zoom);
    u.batch(() => {
      u.setData(data, false);
      u.setScale('x', { min, max });
    });
    // The cursor stays where it is, over other points.
    u.setCursor({ left: u.cursor.left ?? -10, top: u.cursor.top ?? -10 });
  }, [data]);

  useEffect(() => plot.current?.redraw(false), [marks]);

  const key = (e: KeyboardEvent) => {
    const u = plot.current;
    if (!u || !onKey(u, zoom, e)) return;
    // uPlot moves its cursor with the next frame.
    requestAnimationFrame(() => setSaid(spoken(axis, live.current.x, live.current.lines, show, at.get())));
  };
  const xName = axis === 'step' ? 'step' : 'time';
  return (
    <figure class={`chart${props.old ? ' is-old' : ''}`} aria-label={title}>
      <figcaption>
        <span class="chart-title">{title}</span>
        <span class="tools">
          {props.log !== undefined && (
            <button type="button" aria-pressed={log} onClick={() => setLog(!log)} title="logarithmic axis">log</button>
          )}
          <button type="button" aria-pressed={asTable} onClick={() => setAsTable(!asTable)}>table</button>
          <button type="button" onClick={() => plot.current && savePng(plot.current, title, lines)}>PNG</button>
          <button type="button" onClick={() => saveCsv(title, x, xName, lines, !!props.decimated)}>CSV</button>
        </span>
      </figcaption>
      <Legend at={at} axis={axis} x={x} lines={lines} show={show} />
      <div class="plot" ref={host} tabIndex={0} role="application" aria-roledescription="chart" onKeyDown={key}
        aria-label={`${title}, ${count(x.length)} points from ${place(axis, x[0])} to ${place(axis, x[x.length - 1])}. Arrow keys read, plus and minus zoom, 0 shows all.`} />
      <p class="sr" aria-live="polite">{said}</p>
      {props.note && <p class="chart-note">{props.note}</p>}
      {asTable && <DataTable title={title} axis={axis} x={x} lines={lines} show={show} />}
    </figure>
  );
}

export function place(axis: Axis, x: number | undefined): string {
  if (x === undefined) return 'nowhere';
  return axis === 'step' ? `step ${count(x)}` : clock(x, Date.now());
}
