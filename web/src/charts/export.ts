/* A chart taken away: as a picture or as numbers. */
import type uPlot from 'uplot';
import { csv } from '../series';
import { color } from '../theme';
import type { Line } from './lines';

function save(blob: Blob, name: string): void {
  const a = document.createElement('a');
  a.href = URL.createObjectURL(blob);
  a.download = name.replace(/[^\w.-]+/g, '-');
  a.click();
  setTimeout(() => URL.revokeObjectURL(a.href), 10000);
}

/* The canvas itself has neither ground, title nor legend. */
export function savePng(u: uPlot, title: string, lines: Line[]): void {
  const from = u.ctx.canvas, ratio = devicePixelRatio || 1, head = 44 * ratio, pad = 12 * ratio;
  const to = document.createElement('canvas');
  to.width = from.width + 2 * pad;
  to.height = from.height + head + 2 * pad;
  const ctx = to.getContext('2d')!;
  ctx.fillStyle = color('panel');
  ctx.fillRect(0, 0, to.width, to.height);
  ctx.fillStyle = color('text');
  ctx.font = `600 ${14 * ratio}px system-ui, sans-serif`;
  ctx.fillText(title, pad, pad + 14 * ratio);
  ctx.font = `${11 * ratio}px system-ui, sans-serif`;
  let x = pad;
  for (const l of lines) {
    ctx.fillStyle = color(l.color);
    ctx.fillRect(x, pad + 29 * ratio, 12 * ratio, 3 * ratio);
    ctx.fillStyle = color('quiet');
    ctx.fillText(l.label, x + 17 * ratio, pad + 34 * ratio);
    x += 17 * ratio + ctx.measureText(l.label).width + 16 * ratio;
  }
  ctx.drawImage(from, pad, head + pad);
  to.toBlob((b) => b && save(b, `proctor-${title}.png`));
}

export function table(x: number[], xName: string, lines: Line[]): { head: string[]; rows: (number | null | undefined)[][] } {
  const head = [xName], columns: (number | null | undefined)[][] = [x];
  for (const l of lines) {
    head.push(l.label);
    columns.push(l.y);
    if (l.low && l.high) {
      head.push(`${l.label}, low`, `${l.label}, high`);
      columns.push(l.low, l.high);
    }
    if (l.n) {
      head.push(`${l.label}, n`);
      columns.push(l.n);
    }
  }
  return { head, rows: x.map((_, i) => columns.map((c) => c[i])) };
}

/* The name says when it is not all there is. */
export function saveCsv(title: string, x: number[], xName: string, lines: Line[], decimated: boolean): void {
  const t = table(x, xName, lines);
  save(new Blob([csv(t.head, t.rows)], { type: 'text/csv' }), `proctor-${title}${decimated ? '-decimated' : ''}.csv`);
}
