/* Calibration: does the model know how sure it may be? */
import { address } from '../api';
import { Reliability } from '../charts/reliability';
import { count, fixed, percent, plural } from '../format';
import { Card, Shown, Stat } from '../parts/card';
import { CheckpointPick, choices, Pick, useCheckpoints } from '../parts/pick';
import { Text } from '../parts/text';
import { Absent, Value } from '../parts/value';
import { useQuery } from '../query';
import { href, useParams } from '../route';
import { suites } from '../state';
import { useCell } from '../store';
import { plain } from '../text';
import { byDifficulty } from './difficulty';
import type { About, Bin, Finding } from '../types';

interface Group {
  ece: number | null;
  ece_reason?: string;
  n?: number;
  bins?: Bin[];
}

type Calibrated = Group & { by_difficulty?: Record<string, Group>; checkpoint?: About | null };

function BinTable({ bins }: { bins: Bin[] }) {
  return (
    <table class="figures-table">
      <caption class="sr">Bins of confidence</caption>
      <thead><tr><th scope="col">confidence</th><th scope="col">answers</th><th scope="col">right</th><th scope="col">mean confidence</th></tr></thead>
      <tbody>
        {bins.map((b) => (
          <tr>
            <th scope="row" class="num">{b.range}</th>
            <td class="num">{count(b.count)}</td>
            <td><Value v={b.accuracy} show={(x) => percent(x)} why="no answer was this sure" /></td>
            <td><Value v={b.mean_confidence} show={(x) => percent(x)} why="no answer was this sure" /></td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function GroupCard({ title, of }: { title: string; of: Group }) {
  const bins = of.bins ?? [], n = of.n ?? bins.reduce((sum, b) => sum + b.count, 0);
  return (
    <Card title={title} aside={<>ECE <b><Value v={of.ece} show={(x) => fixed(x, 3)} why={of.ece_reason ?? 'no answer has a confidence'} /></b> · n {count(n)}</>}>
      {bins.length ? <Reliability bins={bins} label={title} /> : <Absent why="no bins" />}
      {bins.length > 0 && <details class="fold"><summary>Bins as a table</summary><BinTable bins={bins} /></details>}
    </Card>
  );
}

function Verdict() {
  const a = useQuery<Finding>('/api/confidence'), f = a.doc;
  if (!f || f.state === 'not_installed') return null;
  const noise = f.ece_noise as { p99?: number } | undefined;
  return (
    <dl class="stats">
      <Stat label="newest judged"><Text of={String(f.checkpoint ?? '–')} most={60} /></Stat>
      <Stat label="verdict">
        {f.well_calibrated === true ? <span class="tag level-ok">✓ well calibrated</span>
          : f.well_calibrated === false ? <span class="tag level-warning">▲ not well calibrated</span>
          : <Absent why={String(f.well_calibrated_reason ?? f.state_reason ?? 'not judged')} />}
      </Stat>
      <Stat label="ECE" sub={<> chance alone up to {fixed(noise?.p99, 3)}</>}><Value v={f.ece as number | null} show={(x) => fixed(x, 3)} why={f.ece_reason as string} /></Stat>
      <Stat label="Brier score"><Value v={f.brier as number | null} show={(x) => fixed(x, 3)} why={f.brier_reason as string} /></Stat>
      <Stat label="answers"><Value v={f.n as number | null} show={count} /></Stat>
    </dl>
  );
}

export function Calibration() {
  const [params, set] = useParams('calibration');
  const list = useCell(suites).doc?.suites ?? [];
  const a = useQuery<Calibrated>(address('/api/gradebook/calibration', { checkpoint: params.checkpoint, suite: params.suite }), { sources: ['gradebook'] });
  return (
    <>
      <div class="panel-head"><h2>Calibration</h2></div>
      <div class="controls">
        <CheckpointPick label="Checkpoint" value={params.checkpoint ?? ''} none="newest graded" list={useCheckpoints()} onPick={(v) => set({ checkpoint: v })} />
        <Pick label="Suite" value={params.suite ?? ''} choices={choices(list.map((s) => s.name), 'validation').filter((c) => c.value !== 'validation')} onPick={(v) => set({ suite: v })} />
      </div>
      <Verdict />
      <Shown of={a}>{(doc) => (
        <div class="grid">
          <GroupCard title={doc.checkpoint ? `All answers of ${plain(doc.checkpoint.name)}` : 'All answers'} of={doc} />
          {byDifficulty(doc.by_difficulty).map(([name, g]) => <GroupCard key={name} title={plain(name)} of={g} />)}
        </div>
      )}</Shown>
      <p class="hint">On the diagonal the model is right as often as it is sure. Whiskers: 95 % intervals (Wilson); below: answers in each bin.</p>
    </>
  );
}

export function CalibrationCard() {
  const a = useQuery<Calibrated>('/api/gradebook/calibration', { sources: ['gradebook'] });
  const bins = a.doc?.bins ?? [], n = bins.reduce((sum, b) => sum + b.count, 0);
  return (
    <Card title="Calibration" more={href('calibration')}
      aside={a.doc && <>ECE <b><Value v={a.doc.ece} show={(x) => fixed(x, 3)} why={a.doc.ece_reason} /></b> · {plural(n, 'answer')}</>}>
      <Shown of={a}>{() => <Reliability bins={bins} label="Calibration of the newest checkpoint" />}</Shown>
    </Card>
  );
}
