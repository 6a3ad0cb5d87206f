/* Comparison: any two checkpoints over the same examples, and how the ranking sees all of them. */
import type { ComponentChildren } from 'preact';
import { address } from '../api';
import { change, count, fixed, percent, plural, pvalue, short } from '../format';
import { Card, Empty, Shown } from '../parts/card';
import { CheckpointPick, choices, Pick, useCheckpoints } from '../parts/pick';
import { Text } from '../parts/text';
import { Interval, Value } from '../parts/value';
import { useQuery } from '../query';
import { href, useParams } from '../route';
import { suites } from '../state';
import { useCell } from '../store';
import { plain } from '../text';
import { byDifficulty } from './difficulty';
import { Ranking } from './ranking';

type N = number | null;

interface Side {
  id: number;
  name: string;
  step: N;
  n: N;
  accuracy: N;
  loss_mean_per_example: N;
}

interface Compared {
  a: Side;
  b: Side;
  n: N;
  accuracy_difference: N;
  accuracy_difference_low: N;
  accuracy_difference_high: N;
  p_accuracy: N;
  loss_difference: N;
  loss_difference_low: N;
  loss_difference_high: N;
  p_loss: N;
  both: N;
  gained: N;
  lost: N;
  neither: N;
  by_difficulty?: Record<string, { n: N; accuracy_difference: N; gained: N; lost: N }>;
  [reason: string]: unknown;
}

const points = (x: number) => `${change(x, 1, 100)} points`;

function Row({ name, a, b, difference, low, high, p, show, showDifference, showEdge, better, why }: {
  name: string; a: N; b: N; difference: N; low: N; high: N; p: N; show: (x: number) => string;
  showDifference: (x: number) => string; showEdge?: (x: number) => string; better: 1 | -1; why?: string;
}) {
  // Only what chance does not explain is coloured.
  const clear = low !== null && high !== null && (low > 0 || high < 0) ? Math.sign(low + high) * better : 0;
  return (
    <tr>
      <th scope="row">{name}</th>
      <td><Value v={a} show={show} /></td>
      <td><Value v={b} show={show} /></td>
      <td class={clear > 0 ? 'c-ok' : clear < 0 ? 'c-critical' : ''}>
        <b><Value v={difference} show={showDifference} why={why} /></b>
        <Interval low={low} high={high} show={showEdge ?? showDifference} />
      </td>
      <td><Value v={p} show={pvalue} why={why} /></td>
    </tr>
  );
}

function Turned({ n, what, params, children }: { n: N; what?: string; params: Record<string, string | number | null | undefined>; children: ComponentChildren }) {
  const number = <b class="num">{count(n)}</b>;
  return (
    <li class={what ? `turn-${what}` : ''}>
      {n ? <a href={href('previews', params)}>{number} {children}</a> : <span>{number} {children}</span>}
    </li>
  );
}

function Result({ of, suite }: { of: Compared; suite?: string }) {
  const link = { suite, checkpoint: of.b.id, against: of.a.id };
  return (
    <>
      <Card title={`${plain(of.a.name)} → ${plain(of.b.name)}`} aside={plural(of.n ?? 0, 'pair')}>
        <div class="scroll">
          <table class="figures-table">
            <thead><tr><th scope="col">paired by example</th><th scope="col"><Text of={of.a.name} most={40} /></th><th scope="col"><Text of={of.b.name} most={40} /></th><th scope="col">difference</th><th scope="col">p</th></tr></thead>
            <tbody>
              <Row name="accuracy" a={of.a.accuracy} b={of.b.accuracy} difference={of.accuracy_difference} low={of.accuracy_difference_low} high={of.accuracy_difference_high}
                p={of.p_accuracy} show={(x) => percent(x)} showDifference={points} showEdge={(x) => change(x, 1, 100)} better={1} why={of.accuracy_difference_reason as string} />
              <Row name="loss per example" a={of.a.loss_mean_per_example} b={of.b.loss_mean_per_example} difference={of.loss_difference} low={of.loss_difference_low} high={of.loss_difference_high}
                p={of.p_loss} show={short} showDifference={(x) => change(x, 4)} better={-1} why={of.loss_difference_reason as string} />
            </tbody>
          </table>
        </div>
        <ul class="turned">
          <Turned n={of.gained} what="gained" params={{ ...link, outcome: 'gained' }}>gained</Turned>
          <Turned n={of.lost} what="lost" params={{ ...link, outcome: 'lost' }}>lost</Turned>
          <Turned n={of.both} params={{ ...link, outcome: 'right' }}>right both times</Turned>
          <Turned n={of.neither} params={{ ...link, outcome: 'wrong' }}>wrong both times</Turned>
        </ul>
      </Card>
      <Card title="By difficulty">
        <div class="scroll">
          <table class="figures-table">
            <thead><tr><th scope="col">difficulty</th><th scope="col">pairs</th><th scope="col">accuracy</th><th scope="col">gained</th><th scope="col">lost</th></tr></thead>
            <tbody>
              {byDifficulty(of.by_difficulty).map(([name, d]) => (
                <tr>
                  <th scope="row"><Text of={name} most={40} /></th>
                  <td class="num">{count(d.n)}</td>
                  <td><Value v={d.accuracy_difference} show={points} why="no pair" /></td>
                  <td><a href={href('previews', { ...link, difficulty: name, outcome: 'gained' })}>{count(d.gained)}</a></td>
                  <td><a href={href('previews', { ...link, difficulty: name, outcome: 'lost' })}>{count(d.lost)}</a></td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      </Card>
      <p class="hint">Intervals: 95 %. p of accuracy: McNemar, exact. {fixed(0.05, 2)} is passed by chance in one of twenty looks: many pairs looked at find something.</p>
    </>
  );
}

export function Comparison() {
  const [params, set] = useParams('comparison');
  const list = useCheckpoints(), suiteList = useCell(suites).doc?.suites ?? [];
  const b = params.b ?? (list[0] ? String(list[0].id) : ''), a = params.a ?? (list[1] ? String(list[1].id) : '');
  const answer = useQuery<Compared>(a && b && a !== b ? address('/api/gradebook/compare', { a, b, suite: params.suite }) : null, { sources: ['gradebook'] });
  return (
    <>
      <div class="panel-head"><h2>Comparison</h2></div>
      <div class="controls">
        <CheckpointPick label="From" value={a} none="choose" list={list} onPick={(v) => set({ a: v })} />
        <CheckpointPick label="To" value={b} none="choose" list={list} onPick={(v) => set({ b: v })} />
        <Pick label="Suite" value={params.suite ?? ''} choices={choices(suiteList.map((s) => s.name), 'validation').filter((c) => c.value !== 'validation')} onPick={(v) => set({ suite: v })} />
        <button type="button" onClick={() => set({ a: b, b: a })} disabled={!a || !b}>Swap</button>
      </div>
      {a && a === b ? <Empty title="The same checkpoint twice" /> : !a || !b ? <Empty title="Two checkpoints make a comparison">Choose them above; they need grades on the same suite.</Empty>
        : <Shown of={answer}>{(doc) => <Result of={doc} suite={params.suite} />}</Shown>}
      <Ranking />
    </>
  );
}
