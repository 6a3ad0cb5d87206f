/* Curriculum: which order of examples helps, by probes; and what is learnt fastest now. */
import { change, clock, count, duration, percent, plural, pvalue, short } from '../format';
import { Card, Empty, Shown, Stat } from '../parts/card';
import { stateWord } from '../parts/level';
import { Text } from '../parts/text';
import { Value } from '../parts/value';
import { type Answer, useQuery } from '../query';
import { href } from '../route';
import { now, useCell } from '../store';
import type { Finding } from '../types';
import { Mix } from './mix';

type N = number | null;

interface Arm {
  strategy: string;
  summary?: string;
  n_probes: number;
  n_failed?: number;
  n_diverged?: number;
  accuracy?: N;
  accuracy_reason?: string;
  loss_mean_per_example?: N;
  loss_mean_per_example_reason?: string;
  n_blocks?: number;
  difference_to_random?: N;
  difference_to_random_reason?: string;
  difference_interval?: [number, number] | null;
  difference_interval_reason?: string;
  p?: N;
  p_reason?: string;
  verdict?: string;
}

interface Past {
  at: string;
  decision: string;
  best_strategy: string;
  reason?: string;
  n_probes?: number;
}

interface Curriculum extends Finding {
  best_strategy?: string;
  decision?: string;
  strategies_tested?: Arm[];
  difficulty_weights?: Record<string, number> | null;
  difficulty_weights_reason?: string;
  learning_progress?: Record<string, N>;
  n_probes?: number;
  n_blocks?: number;
  min_blocks?: number;
  measured_by?: string;
  method_reason?: string | null;
  history?: Past[];
  budget?: { used_seconds_last_hour?: N; left_seconds?: N };
}

const VERDICTS: Record<string, string> = { better: 'level-ok', worse: 'level-critical', reference: 'level-none', open: 'level-none' };

/* The interval on one scale for all arms, with chance's zero in the middle of the picture. */
function Span({ arm, reach }: { arm: Arm; reach: number }) {
  const i = arm.difference_interval, d = arm.difference_to_random;
  if (!reach || typeof d !== 'number') return null;
  const at = (v: number) => 60 + Math.max(-1, Math.min(1, v / reach)) * 56;
  return (
    <svg class="span" viewBox="0 0 120 14" role="presentation" aria-hidden="true">
      <path class="grid" d="M60 0V14" />
      {i && <path class={`span-line${i[0] > 0 ? ' good' : i[1] < 0 ? ' bad' : ''}`} d={`M${at(i[0])} 7H${at(i[1])}`} />}
      <circle class={`span-dot${i && i[0] > 0 ? ' good' : i && i[1] < 0 ? ' bad' : ''}`} cx={at(d)} cy={7} r={3} />
    </svg>
  );
}

function ArmRow({ arm, reach, best }: { arm: Arm; reach: number; best?: string }) {
  const i = arm.difference_interval, reference = arm.verdict === 'reference', why = reference ? 'it is the reference' : arm.difference_to_random_reason ?? 'no block yet';
  return (
    <tr>
      <th scope="row" title={arm.summary}>{stateWord(arm.strategy)}{arm.strategy === best && <span class="chip">in use</span>}</th>
      <td class="num">{count(arm.n_probes)}{(arm.n_failed ?? 0) > 0 && <span class="ci c-warning">{arm.n_failed} failed</span>}{(arm.n_diverged ?? 0) > 0 && <span class="ci c-warning">{arm.n_diverged} diverged</span>}</td>
      <td><Value v={arm.accuracy} show={(x) => percent(x)} why={arm.accuracy_reason ?? 'no probe yet'} /></td>
      <td><Value v={arm.loss_mean_per_example} show={short} why={arm.loss_mean_per_example_reason ?? 'no probe yet'} /></td>
      <td>
        <Value v={arm.difference_to_random} show={(x) => change(x, 4)} why={why} />
        {i ? <span class="ci"><span class="sr">interval </span>{change(i[0], 3)} – {change(i[1], 3)}</span> : !reference && <span class="ci" title={arm.difference_interval_reason}>no interval yet</span>}
      </td>
      <td><Span arm={arm} reach={reach} /></td>
      <td><Value v={arm.p} show={pvalue} why={arm.p_reason ?? why} /></td>
      <td><span class={`tag ${VERDICTS[arm.verdict ?? ''] ?? 'level-none'}`}>{stateWord(arm.verdict ?? 'open')}</span></td>
    </tr>
  );
}

function Arms({ doc }: { doc: Curriculum }) {
  const list = doc.strategies_tested ?? [];
  const reach = Math.max(0, ...list.flatMap((a) => [a.difference_to_random ?? 0, ...(a.difference_interval ?? [])]).map(Math.abs));
  return (
    <Card title="Strategies, measured against random order" aside={`${plural(doc.n_probes ?? 0, 'probe')}, ${plural(doc.n_blocks ?? 0, 'block')}`}>
      {!list.length ? <Empty title="No probe yet">{doc.method_reason ?? doc.state_reason}</Empty> : (
        <div class="scroll">
          <table class="figures-table">
            <thead><tr><th scope="col">strategy</th><th scope="col">probes</th><th scope="col">accuracy</th><th scope="col">loss per example</th><th scope="col">gain on random, nats</th><th scope="col"><span class="sr">picture</span></th><th scope="col">p</th><th scope="col">verdict</th></tr></thead>
            <tbody>{list.map((a) => <ArmRow key={a.strategy} arm={a} reach={reach} best={doc.best_strategy} />)}</tbody>
          </table>
        </div>
      )}
      {doc.measured_by && <p class="hint">Measured by <Text of={doc.measured_by} />.</p>}
    </Card>
  );
}

function Decided({ doc }: { doc: Curriculum }) {
  return doc.decision === 'decided'
    ? <b>{stateWord(doc.best_strategy ?? '')}</b>
    : <><b>{stateWord(doc.best_strategy ?? 'random')}</b> <span class="quiet">(undecided: nothing better is shown)</span></>;
}

function Full({ doc }: { doc: Curriculum }) {
  const time = useCell(now), list = doc.history ?? [];
  if (doc.state === 'not_installed') return <Empty title="Not here">{doc.state_reason}</Empty>;
  return (
    <>
      <dl class="stats">
        <Stat label="order in use"><Decided doc={doc} /></Stat>
        <Stat label="probes" sub={doc.min_blocks ? ` blocks ${count(doc.n_blocks)}, at least ${count(doc.min_blocks)} for a decision` : undefined}><Value v={doc.n_probes} show={count} /></Stat>
        <Stat label="spent in the last hour" sub={doc.budget?.left_seconds ? ` ${duration(doc.budget.left_seconds)} left` : undefined}><Value v={doc.budget?.used_seconds_last_hour} show={duration} /></Stat>
      </dl>
      <Arms doc={doc} />
      <div class="grid wide-cells">
        <Card title="Mix of difficulties"><Mix weights={doc.difficulty_weights} progress={doc.learning_progress} why={doc.difficulty_weights_reason} /></Card>
        <Card title="Decisions so far">
          {!list.length ? <Empty title="None yet" /> : (
            <ul class="events">{list.map((h) => (
              <li><span class="num quiet">{clock(h.at, time)}</span> <b>{stateWord(h.best_strategy)}</b> {stateWord(h.decision)}{h.reason && <>: <Text of={h.reason} /></>}</li>
            ))}</ul>
          )}
        </Card>
      </div>
    </>
  );
}

function useCurriculum(): Answer<Curriculum> {
  return useQuery<Curriculum>('/api/curriculum');
}

export function Curriculum() {
  const a = useCurriculum();
  return (
    <>
      <div class="panel-head"><h2>Curriculum</h2></div>
      <Shown of={a} lines={8}>{(doc) => <Full doc={doc} />}</Shown>
    </>
  );
}

export function CurriculumCard() {
  const a = useCurriculum();
  return (
    <Card title="Curriculum" more={href('curriculum')} aside={a.doc && a.doc.n_probes !== undefined && plural(a.doc.n_probes, 'probe')}>
      <Shown of={a}>{(doc) => (doc.state === 'not_installed' ? <Empty title="Not here">{doc.state_reason}</Empty> : (
        <>
          <p><span class="quiet">order</span> <Decided doc={doc} /></p>
          <Mix weights={doc.difficulty_weights} why={doc.difficulty_weights_reason} />
          {doc.history?.[0]?.reason && <p class="hint"><Text of={doc.history[0].reason} /></p>}
        </>
      ))}</Shown>
    </Card>
  );
}
