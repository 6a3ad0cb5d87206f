/* What happened at a step: a thin line with a sign above the drawing. */
import type uPlot from 'uplot';
import { color } from '../theme';
import type { Mark } from '../types';

interface Look {
  color: string;
  sign: string;
  word: string;
  line: boolean;
}

/* Baselines move often and are good news: a sign without a line. */
export const MARKS: Record<Mark['kind'], Look> = {
  regression: { color: 'critical', sign: '◆', word: 'regression', line: true },
  warning: { color: 'warning', sign: '▲', word: 'warning', line: true },
  deployment: { color: 'ok', sign: '⬤', word: 'deployment', line: true },
  baseline: { color: 'quiet', sign: '▾', word: 'new baseline', line: false },
  pin: { color: 'accent', sign: '■', word: 'pinned', line: false },
};

export function drawMarks(u: uPlot, marks: Mark[]): void {
  const { ctx, bbox } = u, ratio = devicePixelRatio || 1;
  ctx.save();
  ctx.font = `${9 * ratio}px system-ui, sans-serif`;
  ctx.textAlign = 'center';
  for (const m of marks) {
    const look = MARKS[m.kind];
    const x = Math.round(u.valToPos(m.step, 'x', true));
    if (!look || x < bbox.left - 1 || x > bbox.left + bbox.width + 1) continue;
    ctx.fillStyle = ctx.strokeStyle = color(look.color);
    if (look.line) {
      ctx.globalAlpha = 0.55;
      ctx.lineWidth = ratio;
      ctx.setLineDash([3 * ratio, 3 * ratio]);
      ctx.beginPath();
      ctx.moveTo(x, bbox.top);
      ctx.lineTo(x, bbox.top + bbox.height);
      ctx.stroke();
      ctx.globalAlpha = 1;
    }
    ctx.fillText(look.sign, x, bbox.top - 3 * ratio);
  }
  ctx.restore();
}

/* Those under the cursor: within a few pixels. */
export function marksAt(u: uPlot, marks: Mark[]): Mark[] {
  const left = u.cursor.left ?? -1;
  if (left < 0) return [];
  return marks.filter((m) => Math.abs(u.valToPos(m.step, 'x') - left) < 6);
}
