/* Testing: the regular test of each checkpoint against the one before. */
import { useMemo } from 'preact/hooks';
import { change, clock, count, fixed, percent, plural, pvalue } from '../format';
import { Card, Empty, Shown, Stat } from '../parts/card';
import { Text } from '../parts/text';
import { Absent, Interval, Value } from '../parts/value';
import { type Answer, useQuery } from '../query';
import { href } from '../route';
import { now, useCell } from '../store';
import { byDifficulty } from './difficulty';
import type { Finding } from '../types';

type N = number | null;
type Ci = [number, number] | null;

interface Test {
  at: string;
  checkpoint: string;
  overall_accuracy: N;
  overall_accuracy_ci95?: Ci;
  n?: number;
  by_difficulty?: Record<string, N>;
  baseline?: string | null;
  difference_points?: N;
  p?: N;
  regression_detected?: boolean;
}

interface Testing extends Finding {
  checkpoint?: string;
  n?: number;
  overall_accuracy?: N;
  overall_accuracy_reason?: string;
  overall_accuracy_ci95?: Ci;
  by_difficulty?: Record<string, N>;
  baseline?: string | null;
  baseline_reason?: string;
  difference_points?: N;
  difference_points_reason?: string;
  difference_points_ci95?: Ci;
  gained?: N;
  lost?: N;
  p?: N;
  p_reason?: string;
  regression_detected?: boolean | null;
  reason?: string;
  detectable_drop?: { accuracy_points?: N; power?: N };
  history?: Test[];
}

function Verdict({ of }: { of: { regression_detected?: boolean | null } }) {
  if (typeof of.regression_detected !== 'boolean') return <Absent why="not judged" />;
  return of.regression_detected ? <span class="tag level-critical">◆ regression</span> : <span class="tag level-ok">✓ ok</span>;
}

function Figures({ doc }: { doc: Testing }) {
  const ci = doc.overall_accuracy_ci95, d = doc.difference_points_ci95;
  return (
    <dl class="stats">
      <Stat label="checkpoint"><Text of={doc.checkpoint ?? '–'} most={60} /> <Verdict of={doc} /></Stat>
      <Stat label="accuracy"><Value v={doc.overall_accuracy} show={(x) => percent(x)} why={doc.overall_accuracy_reason} /><Interval low={ci?.[0]} high={ci?.[1]} show={(x) => percent(x)} /><small> n {count(doc.n)}</small></Stat>
      {byDifficulty(doc.by_difficulty).map(([k, v]) => <Stat label={k}><Value v={v} show={(x) => percent(x)} why="no example" /></Stat>)}
      <Stat label="against" sub={doc.baseline ? <> <Text of={doc.baseline} most={40} /></> : undefined}>
        <Value v={doc.difference_points} show={(x) => change(x)} unit=" points" why={doc.difference_points_reason ?? doc.baseline_reason} />
        <Interval low={d?.[0]} high={d?.[1]} show={(x) => change(x)} />
      </Stat>
      <Stat label="p"><Value v={doc.p} show={pvalue} why={doc.p_reason} /></Stat>
      <Stat label="would be seen" sub={<> in {percent(doc.detectable_drop?.power, 0)} of cases</>}><Value v={doc.detectable_drop?.accuracy_points} show={(x) => fixed(x, 1)} unit=" points down" /></Stat>
    </dl>
  );
}

function Row({ t }: { t: Test }) {
  const time = useCell(now), ci = t.overall_accuracy_ci95;
  return (
    <tr>
      <th scope="row"><Text of={t.checkpoint} most={60} /></th>
      <td><Value v={t.overall_accuracy} show={(x) => percent(x)} /><Interval low={ci?.[0]} high={ci?.[1]} show={(x) => percent(x)} /></td>
      <td class="num">{count(t.n)}</td>
      {['easy', 'medium', 'hard'].map((d) => <td><Value v={t.by_difficulty?.[d]} show={(x) => percent(x, 0)} why="no example" /></td>)}
      <td><Value v={t.difference_points} show={(x) => change(x)} why={t.baseline ? undefined : 'there was no baseline'} /></td>
      <td><Text of={t.baseline ?? '–'} most={60} /></td>
      <td><Value v={t.p} show={pvalue} why="nothing to compare with" /></td>
      <td><Verdict of={t} /></td>
      <td class="num">{clock(t.at, time)}</td>
    </tr>
  );
}

function useTesting(): Answer<Testing> {
  return useQuery<Testing>('/api/testing');
}

function Full({ doc }: { doc: Testing }) {
  const list = useMemo(() => doc.history ?? [], [doc]);
  if (doc.state === 'not_installed') return <Empty title="Not here">{doc.state_reason}</Empty>;
  return (
    <>
      <Figures doc={doc} />
      {doc.reason && <p class="hint"><Text of={doc.reason} /></p>}
      <Card title="Tests" aside={plural(list.length, 'test')}>
        {!list.length ? <Empty title="No test yet">{doc.state_reason}</Empty> : (
          <div class="scroll">
            <table class="figures-table">
              <thead><tr>{['checkpoint', 'accuracy', 'n', 'easy', 'medium', 'hard', 'points', 'against', 'p', 'verdict', 'at'].map((h) => <th scope="col">{h}</th>)}</tr></thead>
              <tbody>{list.map((t) => <Row key={t.at + t.checkpoint} t={t} />)}</tbody>
            </table>
          </div>
        )}
      </Card>
    </>
  );
}

export function Testing() {
  return (
    <>
      <div class="panel-head"><h2>Testing</h2></div>
      <Shown of={useTesting()} lines={8}>{(doc) => <Full doc={doc} />}</Shown>
    </>
  );
}

export function TestingCard() {
  const a = useTesting();
  return (
    <Card title="Testing" more={href('testing')} aside={a.doc?.checkpoint && <Text of={a.doc.checkpoint} most={40} />}>
      <Shown of={a}>{(doc) => (doc.state === 'not_installed' ? <Empty title="Not here">{doc.state_reason}</Empty> : <Figures doc={doc} />)}</Shown>
    </Card>
  );
}
