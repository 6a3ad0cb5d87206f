/* The reliability diagram: how often answers were right, against how sure the model was.  A bin is as
 * wide as it is in confidence; its whisker is the 95 % interval of so many answers, below it how many. */
import { count, percent } from '../format';
import { known } from '../format';
import { wilson } from '../series';
import type { Bin } from '../types';

const W = 340, H = 250, LEFT = 38, RIGHT = 14, TOP = 8, PLOT = 180, BARS = 26;

const px = (v: number) => LEFT + v * (W - LEFT - RIGHT);
const py = (v: number) => TOP + (1 - v) * PLOT;

function edges(b: Bin): [number, number] {
  if (known(b.low) && known(b.high)) return [b.low, b.high];
  const [low, high] = b.range.split('-').map(Number);
  return [low ?? 0, high ?? 1];
}

function OneBin({ b, most }: { b: Bin; most: number }) {
  const [low, high] = edges(b), x = px(low) + 1, width = Math.max(px(high) - px(low) - 2, 1);
  const bar = most ? (b.count / most) * BARS : 0, base = TOP + PLOT + 18 + BARS;
  const ci = known(b.accuracy) ? wilson(Math.round(b.accuracy * b.count), b.count) : null;
  const at = known(b.mean_confidence) ? px(b.mean_confidence) : x + width / 2;
  return (
    <g>
      <title>{`confidence ${b.range}: ${count(b.count)} answers${known(b.accuracy) ? `, ${percent(b.accuracy)} right, mean confidence ${percent(b.mean_confidence)}` : ''}`}</title>
      <rect class="bin-hit" x={x} y={TOP} width={width} height={PLOT} />
      {known(b.accuracy) && <rect class="bin" x={x} y={py(b.accuracy)} width={width} height={Math.max(py(0) - py(b.accuracy), 0.5)} />}
      {ci && <path class="whisker" d={`M${at} ${py(ci[0])}V${py(ci[1])}M${at - 3} ${py(ci[0])}h6M${at - 3} ${py(ci[1])}h6`} />}
      {known(b.accuracy) && <circle class="bin-dot" cx={at} cy={py(b.accuracy)} r={3.2} />}
      <rect class="bin-count" x={x} y={base - bar} width={width} height={bar} />
      <text class="bin-n" x={x + width / 2} y={base + 11} text-anchor="middle">{count(b.count)}</text>
    </g>
  );
}

export function Reliability({ bins, label }: { bins: Bin[]; label: string }) {
  const most = Math.max(0, ...bins.map((b) => b.count));
  return (
    <svg class="reliability" viewBox={`0 0 ${W} ${H}`} role="img" aria-label={`${label}: reliability diagram; the table has its numbers`}>
      {[0, 0.25, 0.5, 0.75, 1].map((v) => (
        <g>
          <path class="grid" d={`M${px(0)} ${py(v)}H${px(1)}`} />
          <text class="tick" x={LEFT - 6} y={py(v) + 3.5} text-anchor="end">{`${v * 100} %`}</text>
        </g>
      ))}
      {[0, 0.2, 0.4, 0.6, 0.8, 1].map((v) => <text class="tick" x={px(v)} y={TOP + PLOT + 13} text-anchor="middle">{v * 100}</text>)}
      {bins.map((b) => <OneBin b={b} most={most} />)}
      <path class="diagonal" d={`M${px(0)} ${py(0)}L${px(1)} ${py(1)}`} />
    </svg>
  );
}
