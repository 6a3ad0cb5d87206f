/* What a chart is made of, and uPlot's options for it. */
import type uPlot from 'uplot';
import type { Column } from '../series';
import { color } from '../theme';
import type { Mark } from '../types';
import { startPan } from './interact';
import { drawMarks } from './marks';
import { type Axis, type Zoom, zoomTo } from './zoom';

export interface Line {
  label: string;
  color: string; // a variable of style.css, without the dashes
  y: Column;
  low?: Column; // of the interval around it
  high?: Column;
  n?: Column; // how many answers are behind each point
  dash?: number[];
  points?: boolean;
  faint?: boolean; // the raw line behind a smoothed one
  why?: string; // that there is nothing to draw
}

export interface Look {
  axis: Axis;
  log: boolean;
  show: (x: number) => string;
  hard?: [number | null, number | null]; // values cannot lie beyond: 0 and 1 for a share
  zero?: boolean; // the axis begins there: how much of something is used
  binary?: boolean; // bytes: marks at powers of two
}

const FONT = '11px system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", sans-serif';

/* Columns in the order of the series below: of each line itself, then its low and high. */
export function columns(x: number[], lines: Line[], log: boolean): uPlot.AlignedData {
  const drawable = (c: Column): Column => (log ? c.map((v) => (typeof v === 'number' && v <= 0 ? null : v)) : c);
  const out: Column[] = [];
  for (const l of lines) {
    out.push(drawable(l.y));
    if (l.low && l.high) out.push(drawable(l.low), drawable(l.high));
  }
  return [x, ...out] as uPlot.AlignedData;
}

/* A line of one point is none: it is drawn as that point. */
function alone(y: Column): boolean {
  let n = 0;
  for (const v of y) if (v !== null && v !== undefined && ++n > 1) return false;
  return n === 1;
}

function series(lines: Line[]): { series: uPlot.Series[]; bands: uPlot.Band[] } {
  const out: uPlot.Series[] = [{}], bands: uPlot.Band[] = [];
  for (const l of lines) {
    const stroke = color(l.color);
    out.push({
      label: l.label, stroke, alpha: l.faint ? 0.3 : 1, width: l.faint ? 1 : 1.75, dash: l.dash,
      points: l.points || alone(l.y) ? { show: true, size: 5, fill: stroke, width: 0 } : { show: false },
    });
    if (l.low && l.high) {
      const edge: uPlot.Series = { stroke: 'transparent', width: 0, points: { show: false } };
      out.push({ ...edge, label: `${l.label}, low` }, { ...edge, label: `${l.label}, high` });
      bands.push({ series: [out.length - 1, out.length - 2], fill: `${stroke}26` });
    }
  }
  return { series: out, bands };
}

function yRange(look: Look): uPlot.Scale.Range {
  return (_u, low, high) => {
    if (low === null || high === null || !Number.isFinite(low)) return look.log ? [0.1, 1] : [0, 1];
    if (look.log) {
      const room = Math.max(Math.log10(high / low) * 0.06, 0.05);
      return [low / 10 ** room, high * 10 ** room];
    }
    const pad = (high - low || Math.abs(high) || 1) * 0.08;
    const [min, max] = look.hard ?? [null, null];
    const to: [number, number] = [low - pad, high + pad];
    if (look.zero) to[0] = 0;
    if (min !== null && to[0] < min) to[0] = min;
    if (max !== null && to[1] > max) to[1] = max;
    return to[0] < to[1] ? to : [to[0] - 0.5, to[0] + 0.5];
  };
}

function axes(look: Look): uPlot.Axis[] {
  const base: uPlot.Axis = {
    stroke: color('quiet'), font: FONT, ticks: { show: false },
    grid: { stroke: color('grid'), width: 1 },
  };
  const steps = (x: number) => (Math.abs(x) >= 10000 ? `${Number((x / 1000).toPrecision(6))}k` : String(x));
  return [
    { ...base, size: 26, gap: 6, space: 64, grid: { show: false },
      ...(look.axis === 'step' ? { values: (_u, at) => at.map((v) => (v === null ? '' : steps(v))), incrs: STEP_INCREMENTS }
        : { values: (_u, at) => times(at) }) },
    { ...base, size: 58, gap: 8, space: (_u, _axis, _low, _high, length) => Math.max(30, length / 9), ...(look.log ? { splits: decades, filter: (_u: uPlot, at: number[]) => at } : {}),
      ...(look.binary ? { incrs: Array.from({ length: 40 }, (_, e) => 2 ** (e + 10)) } : {}),
      values: (_u, at) => at.map((v) => (v === null || v === undefined ? '' : tick(look.show(v)))) },
  ];
}

/* The day is said where it begins; seconds where minutes would repeat. */
function times(at: number[]): string[] {
  const two = (n: number) => String(n).padStart(2, '0');
  const fine = at.length > 1 && at[1]! - at[0]! < 60000;
  return at.map((v) => {
    const d = new Date(v), h = d.getHours(), m = d.getMinutes();
    if (!fine && h === 0 && m === 0) return `${two(d.getMonth() + 1)}-${two(d.getDate())}`;
    return `${two(h)}:${two(m)}${fine ? `:${two(d.getSeconds())}` : ''}`;
  });
}

/* uPlot draws a line at each of 1 to 9 in every power of ten: a chart over four of them is a grating. */
function decades(_u: uPlot, _axis: number, low: number, high: number): number[] {
  if (!(low > 0) || !(high > low)) return [];
  const first = Math.floor(Math.log10(low)), last = Math.ceil(Math.log10(high));
  const within = high / low < 50 ? [1, 2, 5] : [1];
  const out: number[] = [];
  for (let e = first; e <= last; e++)
    for (const m of within) {
      const v = Number(`${m}e${e}`);
      if (v >= low * 0.999 && v <= high * 1.001) out.push(v);
    }
  return out;
}

/* 0.00300 is a measured value, on an axis it is 0.003. */
function tick(text: string): string {
  return text.replace(/\.(\d*?)0+(?!\d)/, (_, rest: string) => (rest ? `.${rest}` : ''));
}

const STEP_INCREMENTS = [1, 2, 5].flatMap((m) => Array.from({ length: 10 }, (_, e) => m * 10 ** e)).sort((a, b) => a - b);

export function options(
  lines: Line[], look: Look, zoom: Zoom, size: { width: number; height: number },
  marks: () => Mark[], onCursor: (u: uPlot) => void,
): uPlot.Options {
  return {
    ...size, ...series(lines), ms: 1, padding: [14, 14, 0, 0], legend: { show: false },
    scales: {
      x: { time: look.axis === 'time', auto: false, range: (_u, min, max) => [min, max] },
      y: { distr: look.log ? 3 : 1, range: yRange(look) },
    },
    axes: axes(look),
    cursor: {
      sync: { key: look.axis, setSeries: false, scales: ['x', null] },
      drag: { x: true, y: false, setScale: false, dist: 4 },
      y: false,
      points: { size: 7, width: 2, fill: () => color('panel') },
      bind: {
        mousedown: (u, _target, own) => (e) => {
          if (e.button === 1 || e.shiftKey) startPan(u, zoom, e);
          else own(e);
          return null;
        },
        dblclick: () => () => {
          zoomTo(zoom, null);
          return null;
        },
      },
    },
    hooks: {
      setCursor: [onCursor],
      setSelect: [(u) => {
        if (u.select.width < 4) return;
        const from = u.posToVal(u.select.left, 'x'), to = u.posToVal(u.select.left + u.select.width, 'x');
        u.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
        zoomTo(zoom, [from, to]);
      }],
      draw: [(u) => drawMarks(u, marks())],
    },
  };
}
