/* Hard examples: what the newest checkpoint fails, by pattern, and what the miner kept of it. */
import { count, fixed, percent, plural } from '../format';
import { Card, Empty, Stat } from '../parts/card';
import { stateWord } from '../parts/level';
import { Block, Text } from '../parts/text';
import { Absent, Field, Interval, Value } from '../parts/value';
import type { Finding } from '../types';

type N = number | null;
type Ci = [number, number] | null;

interface Cluster {
  skill: string | null;
  known?: boolean;
  level?: N;
  level_reason?: string;
  difficulty?: string;
  pattern: string;
  about?: string;
  count: number;
  confident?: number;
  why?: string;
}

interface Round {
  round: number;
  asked: number;
  failed: number;
  ungraded?: number;
  pending?: number;
  yield?: N;
  yield_ci95?: Ci;
  yield_reason?: string;
}

interface Kept {
  id: string;
  prompt?: string;
  golden?: string;
  model_answer?: string;
  why?: string;
  pattern?: string;
  skill?: string;
  confidence?: N;
}

export interface Mining extends Finding {
  checkpoint?: string | null;
  failures_total?: N;
  answers_total?: N;
  failures_by_pattern?: Cluster[] | null;
  unknown_skill?: { count: number; hint?: string | null } | null;
  asked?: N;
  samples?: number;
  kept?: N;
  kept_total_today?: N;
  yield?: N;
  yield_ci95?: Ci;
  rounds?: Round[] | null;
  forgetting?: { n?: N; n_reason?: string; against?: unknown; by_skill?: Record<string, N> } | null;
  file?: string | null;
  examples?: Kept[] | null;
}

const of = (key: keyof Mining, doc: Mining) => doc[`${key}_reason`] as string | undefined;

export function MiningFigures({ doc }: { doc: Mining }) {
  const ci = doc.yield_ci95;
  return (
    <dl class="stats">
      <Stat label="checkpoint">{doc.checkpoint ? <Text of={doc.checkpoint} most={60} /> : <Absent why={of('checkpoint', doc)} />}</Stat>
      <Stat label="failed in its suites" sub={<> of {count(doc.answers_total)}</>}><Field of={doc} name="failures_total" show={count} /></Stat>
      <Stat label="asked anew" sub={<> of {count(doc.samples)}</>}><Field of={doc} name="asked" show={count} /></Stat>
      <Stat label="failed again"><Field of={doc} name="yield" show={(x) => percent(x)} /><Interval low={ci?.[0]} high={ci?.[1]} show={(x) => percent(x)} /></Stat>
      <Stat label="kept" sub={<> today {count(doc.kept_total_today)}</>}><Field of={doc} name="kept" show={count} /></Stat>
      <Stat label="forgotten"><Field of={doc.forgetting} name="n" show={count} /></Stat>
    </dl>
  );
}

function Patterns({ doc }: { doc: Mining }) {
  const list = doc.failures_by_pattern ?? [], unknown = doc.unknown_skill;
  return (
    <Card title="What it fails" aside={plural(list.length, 'kind')}>
      {!list.length ? <Empty title="No failure">{of('failures_by_pattern', doc) ?? doc.state_reason}</Empty> : (
        <div class="scroll">
          <table class="figures-table">
            <thead><tr>{['skill', 'level', 'difficulty', 'pattern', 'failures', 'confident', 'for instance'].map((h) => <th scope="col">{h}</th>)}</tr></thead>
            <tbody>
              {list.slice(0, 40).map((c) => (
                <tr>
                  <th scope="row"><Text of={c.skill ?? 'no skill'} most={40} /></th>
                  <td><Value v={c.level} show={count} why={c.level_reason} /></td>
                  <td><Text of={c.difficulty ?? '–'} most={20} /></td>
                  <td title={c.about}>{stateWord(c.pattern)}</td>
                  <td class="num">{count(c.count)}</td>
                  <td class="num">{count(c.confident)}</td>
                  <td><Text of={c.why ?? c.about ?? ''} most={160} /></td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
      {unknown && unknown.count > 0 && <p class="hint">{plural(unknown.count, 'failure')} of no known skill: <Text of={unknown.hint ?? ''} /></p>}
    </Card>
  );
}

function Rounds({ list }: { list: Round[] }) {
  return (
    <table class="figures-table">
      <thead><tr>{['round', 'asked', 'failed', 'yield'].map((h) => <th scope="col">{h}</th>)}</tr></thead>
      <tbody>
        {list.map((r) => (
          <tr>
            <th scope="row">{count(r.round)}</th>
            <td class="num">{count(r.asked)}{(r.pending ?? 0) > 0 && <span class="ci">{count(r.pending)} not answered yet</span>}</td>
            <td class="num">{count(r.failed)}</td>
            <td><Value v={r.yield} show={(x) => percent(x)} why={r.yield_reason} /><Interval low={r.yield_ci95?.[0]} high={r.yield_ci95?.[1]} show={(x) => percent(x)} /></td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function Example({ x }: { x: Kept }) {
  return (
    <article class="hard">
      <p class="quiet">{x.skill && <Text of={x.skill} most={40} />} · {stateWord(x.pattern ?? 'other')} · confidence <Value v={x.confidence} show={(v) => fixed(v, 2)} /></p>
      <Block of={x.prompt} />
      <dl class="stats"><Stat label="right"><Text of={x.golden} /></Stat><Stat label="the model"><Text of={x.model_answer} /></Stat></dl>
      {x.why && <p class="hint"><Text of={x.why} /></p>}
    </article>
  );
}

export function Hard({ doc }: { doc: Mining }) {
  const list = doc.examples ?? [];
  if (doc.state === 'not_installed') return <Card title="Hard examples"><Empty title="Not here">{doc.state_reason}</Empty></Card>;
  return (
    <>
      <Card title="Hard examples" aside={doc.file && <Text of={doc.file} most={80} />}>
        <MiningFigures doc={doc} />
        {doc.state !== 'ok' && doc.state_reason && <p class="hint"><Text of={doc.state_reason} /></p>}
        {(doc.rounds ?? []).length > 0 && <div class="scroll"><Rounds list={doc.rounds!} /></div>}
      </Card>
      <Patterns doc={doc} />
      <Card title="Kept last" aside={plural(list.length, 'example')}>
        {!list.length ? <Empty title="None yet">{of('examples', doc) ?? doc.state_reason}</Empty> : list.map((x) => <Example key={x.id} x={x} />)}
      </Card>
    </>
  );
}
