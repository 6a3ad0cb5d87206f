/* Progress: what the trainer logged and what the checkpoints were graded, over the same steps. */
import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import { report } from '../api';
import { Chart } from '../charts/chart';
import type { Line } from '../charts/lines';
import { zooms, zoomTo } from '../charts/zoom';
import { count, fixed, percent, plural, short, si } from '../format';
import { Empty, Failure, Skeleton } from '../parts/card';
import type { Answer } from '../query';
import { href, useParams } from '../route';
import { runs, suites } from '../state';
import { useCell } from '../store';
import { plain } from '../text';
import type { Curve, History, Mark, SeriesInfo } from '../types';
import { byDifficulty, difficultyLook } from './difficulty';
import { useAligned, useCurve, useExtent, useHistory, useSeries, useWidth } from './curves';

function curveNote(c: Curve | null): string {
  if (!c) return '';
  const bad = c.not_numbers?.length ?? 0;
  return [
    c.decimated ? `${plural(c.n, 'point')}, drawn by the lowest and highest of each column` : plural(c.n, 'point'),
    bad ? `${plural(bad, 'step')} logged without a number (NaN or infinite): gaps` : '',
  ].filter(Boolean).join('; ');
}

interface Sources {
  find: (name: string) => SeriesInfo | undefined;
  history: Answer<History>;
  width: number;
  marks: Mark[];
  height: number;
}

function LossChart({ find, history, width, marks, height, smoothing }: Sources & { smoothing: number }) {
  const loss = useCurve(find('loss'), width, smoothing), evals = useCurve(find('eval_loss'), width);
  const c = loss.doc, e = evals.doc, h = history.doc;
  const smooth = smoothing > 0 && c?.smoothed ? c.smoothed : null;
  const { x, y } = useAligned([
    c && { x: c.step, y: c.value },
    c && smooth && { x: c.step, y: smooth },
    e && { x: e.step, y: e.value },
    h && { x: h.step, y: h.loss },
  ], [c, smooth, e, h]);
  const lines = useMemo(() => {
    const out: Line[] = [{ label: 'training loss', color: 's1', y: y[0]!, faint: !!smooth, why: 'nothing was logged' }];
    if (smooth) out.push({ label: 'smoothed', color: 's1', y: y[1]! });
    if (e) out.push({ label: 'validation loss, by the trainer', color: 's2', y: y[2]!, points: true });
    if (h) out.push({ label: 'loss of graded answers', color: 's3', y: y[3]!, points: true, dash: [6, 3] });
    return out;
  }, [y, !!smooth, !!e, !!h]);
  return <Chart title="Loss" x={x} lines={lines} show={short} log marks={marks} height={height}
    hard={[0, null]} decimated={c?.decimated} note={curveNote(c)} old={loss.loading && loss.doc !== null} />;
}

function CurveChart({ name, title, color, show, find, width, height, smoothing = 0, marks }:
Sources & { name: string; title: string; color: string; show: (x: number) => string; smoothing?: number }) {
  const a = useCurve(find(name), width, smoothing), c = a.doc;
  const smooth = smoothing > 0 && c?.smoothed ? c.smoothed : null;
  const { x, lines } = useMemo(() => ({
    x: c?.step ?? [],
    lines: [{ label: title.toLowerCase(), color, y: c?.value ?? [], faint: !!smooth },
      ...(smooth ? [{ label: 'smoothed', color, y: smooth }] : [])] as Line[],
  }), [c, smooth]);
  if (!find(name)) return null;
  return <Chart title={title} x={x} lines={lines} show={show} log={false} height={height} marks={marks}
    decimated={c?.decimated} note={curveNote(c)} old={a.loading && c !== null} />;
}

function DifficultyChart({ history, marks, height, what }: Sources & { what: 'accuracy' | 'loss' }) {
  const h = history.doc;
  const lines = useMemo(() => byDifficulty(h?.difficulties).map(([name, d], i): Line => {
    const [color, dash] = difficultyLook(name, i);
    return {
      label: plain(name), color, dash, y: d[what], points: true, n: d.n,
      ...(what === 'accuracy' ? { low: d.accuracy_low, high: d.accuracy_high } : {}),
    };
  }), [h]);
  const x = h?.step ?? [];
  return what === 'accuracy'
    ? <Chart title="Accuracy by difficulty" x={x} lines={lines} show={(v) => percent(v)} hard={[0, 1]} marks={marks} height={height}
        note="bands: 95 % intervals (Wilson)" old={history.loading} decimated={h?.decimated} />
    : <Chart title="Loss by difficulty" x={x} lines={lines} show={short} log={false} hard={[0, null]} marks={marks} height={height}
        note="of graded answers, pooled over tokens" old={history.loading} decimated={h?.decimated} />;
}

function ScoreChart({ history, marks, height }: Sources) {
  const h = history.doc;
  const lines = useMemo((): Line[] => (h ? [
    { label: 'accuracy', color: 's1', y: h.accuracy, low: h.accuracy_low, high: h.accuracy_high, points: true, n: h.graded },
    { label: 'score', color: 's4', y: h.score, points: true, dash: [6, 3], why: 'not ranked' },
  ] : []), [h]);
  return <Chart title="Accuracy and score" x={h?.step ?? []} lines={lines} show={(v) => percent(v)} hard={[0, 1]} marks={marks}
    height={height} note="band: 95 % interval (Wilson)" old={history.loading} decimated={h?.decimated} />;
}

function EceChart({ history, marks, height }: Sources) {
  const h = history.doc;
  const lines = useMemo((): Line[] => (h ? [{ label: 'ECE', color: 's5', y: h.ece, points: true, n: h.graded }] : []), [h]);
  return <Chart title="Calibration error" x={h?.step ?? []} lines={lines} show={(v) => fixed(v, 3)} hard={[0, 1]} marks={marks}
    height={height} old={history.loading} decimated={h?.decimated} />;
}

const SMOOTHINGS = [0, 0.5, 0.7, 0.8, 0.9, 0.95, 0.98, 0.99, 0.995, 0.998, 0.999];

function Controls({ params, set, smoothing }: {
  params: Record<string, string>; set: (p: Record<string, string | number | null>, replace?: boolean) => void; smoothing: number;
}) {
  const runList = useCell(runs).doc?.runs ?? [], suiteList = useCell(suites).doc?.suites ?? [];
  const zoomed = useCell(zooms.step.range);
  return (
    <div class="controls">
      <label>Run
        <select value={params.run ?? ''} onChange={(e) => {
          zoomTo(zooms.step, null);
          set({ run: e.currentTarget.value || null });
        }}>
          <option value="">newest</option>
          {runList.map((r) => <option value={r.id} key={r.id}>{plain(r.run).slice(0, 12)} · {plural(r.checkpoints ?? 0, 'checkpoint')}</option>)}
        </select>
      </label>
      <label>Suite
        <select value={params.suite ?? 'validation'} onChange={(e) => set({ suite: e.currentTarget.value })}>
          {(suiteList.length ? suiteList : [{ id: 0, name: 'validation', n: 0 }]).map((s) => <option value={s.name} key={s.id}>{plain(s.name)}{s.n ? ` · ${count(s.n)}` : ''}</option>)}
        </select>
      </label>
      {!report && (
        <label>Smoothing
          <input type="range" min={0} max={SMOOTHINGS.length - 1} step={1} value={nearestStep(smoothing)}
            aria-valuetext={smoothing ? String(smoothing) : 'off'}
            onInput={(e) => set({ smoothing: SMOOTHINGS[Number(e.currentTarget.value)] || null }, true)} />
          <output class="num">{smoothing || 'off'}</output>
        </label>
      )}
      <button type="button" disabled={!zoomed} onClick={() => zoomTo(zooms.step, null)}>Show all steps</button>
      <span class="hint">drag to zoom, Shift + drag to pan, double-click for all; wheel after a click</span>
    </div>
  );
}

function nearestStep(smoothing: number): number {
  let best = 0;
  SMOOTHINGS.forEach((s, i) => {
    if (Math.abs(s - smoothing) < Math.abs(SMOOTHINGS[best]! - smoothing)) best = i;
  });
  return best;
}

function Charts({ params, full, height, smoothing }: { params: Record<string, string>; full: boolean; height: number; smoothing: number }) {
  const box = useRef<HTMLDivElement>(null), width = useWidth(box, 2);
  const list = useSeries(params.run), history = useHistory(params.suite, params.run, width);
  const series = list.doc?.series;
  useExtent(series, history.doc);
  const marks = useMemo(() => (history.doc?.marks ?? []), [history.doc]);
  const find = (name: string) => series?.find((s) => s.name === name);
  const all: Sources = { find, history, width, marks, height };
  const nothing = series && !series.length && history.doc && !history.doc.step.length;
  return (
    <div class="charts" ref={box}>
      {nothing ? <Empty title="Nothing was logged or graded yet">Charts appear with the first step that a trainer logs, and the first checkpoint.</Empty>
        : !series && !history.doc ? (list.error ? <Failure of={list.error} /> : <Skeleton lines={8} />)
        : (
          <>
            <LossChart {...all} smoothing={smoothing} />
            <DifficultyChart {...all} what="accuracy" />
            <CurveChart {...all} name="learning_rate" title="Learning rate" color="s4" show={(v) => short(v, 3)} />
            <ScoreChart {...all} />
            {full && <DifficultyChart {...all} what="loss" />}
            {full && <EceChart {...all} />}
            {full && <CurveChart {...all} name="grad_norm" title="Gradient norm" color="s5" show={short} smoothing={smoothing} />}
            {full && <CurveChart {...all} name="tokens_per_second" title="Tokens per second" color="s6" show={si} smoothing={smoothing} />}
          </>
        )}
    </div>
  );
}

export function Progress() {
  const [params, set] = useParams('progress');
  const smoothing = Number(params.smoothing) || 0;
  return (
    <>
      <div class="panel-head"><h2>Progress</h2></div>
      <Controls params={params} set={set} smoothing={smoothing} />
      <Charts params={params} full height={230} smoothing={smoothing} />
    </>
  );
}

/* On a large second screen the charts take the height that there is, two above each other. */
function useTall(): number {
  const fit = () => (window.innerWidth < 2200 ? 170 : Math.max(170, Math.min(640, (window.innerHeight - 230) / 2 - 108)));
  const [tall, setTall] = useState(fit);
  useEffect(() => {
    const again = () => setTall(fit());
    window.addEventListener('resize', again);
    return () => window.removeEventListener('resize', again);
  }, []);
  return tall;
}

export function ProgressCard() {
  const tall = useTall();
  return (
    <section class="card" aria-label="Progress">
      <header class="card-head"><h3><a href={href('progress')}>Progress</a></h3></header>
      <Charts params={{}} full={false} height={tall} smoothing={0} />
    </section>
  );
}
