/* Hard examples: what the newest checkpoint fails, by pattern, and what the miner kept of it. */
import { count, fixed, percent, plural } from '../format';
import { Card, Empty, Stat } from '../parts/card';
import { stateWord } from '../parts/level';
import { Scroll } from '../parts/scroll';
import { Block, Text } from '../parts/text';
import { Absent, Field, Interval, Value } from '../parts/value';
import { Instance, Pair } from './instance';
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
  example?: string;
  why?: string;
  question?: string | null;
  golden?: string | null;
  model_answer?: string | null;
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
  difficulty?: string | null;
  level?: N;
  confidence?: N;
  confidence_reason?: string;
  checkpoint?: string | null;
  round?: N;
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
  not_kept_known?: number;
  not_kept_validation?: number;
  lines_broken?: number;
  exhausted?: boolean;
  yield?: N;
  yield_ci95?: Ci;
  rounds?: Round[] | null;
  forgetting?: { n?: N; solved_before?: N; rate?: N; against?: string[]; by_skill?: Record<string, N> } | null;
  file?: string | null;
  examples?: Kept[] | null;
}

const SHOWN = 40;

const of = (key: keyof Mining, doc: Mining) => doc[`${key}_reason`] as string | undefined;

const of_ = (n: N | undefined) => (typeof n === 'number' ? ` of ${count(n)}` : undefined);

export function MiningFigures({ doc }: { doc: Mining }) {
  const ci = doc.yield_ci95, f = doc.forgetting;
  return (
    <dl class="stats">
      <Stat label="checkpoint">{doc.checkpoint ? <Text of={doc.checkpoint} most={60} /> : <Absent why={of('checkpoint', doc)} />}</Stat>
      <Stat label="failed in its suite" sub={of_(doc.answers_total)}><Field of={doc} name="failures_total" show={count} /></Stat>
      <Stat label="asked beside" sub={of_(doc.samples)}><Field of={doc} name="asked" show={count} /></Stat>
      <Stat label="failed of these"><Field of={doc} name="yield" show={(x) => percent(x)} /><Interval low={ci?.[0]} high={ci?.[1]} show={(x) => percent(x)} /></Stat>
      <Stat label="hard examples kept" sub={typeof doc.kept_total_today === 'number' ? ` · ${count(doc.kept_total_today)} today` : undefined}><Field of={doc} name="kept" show={count} /></Stat>
      <Stat label="solved before, failed now" sub={of_(f?.solved_before)}><Value v={f?.n} show={count} why={of('forgetting', doc)} /></Stat>
    </dl>
  );
}

function Patterns({ doc }: { doc: Mining }) {
  const list = doc.failures_by_pattern ?? [], unknown = doc.unknown_skill;
  return (
    <Card title="What it fails" aside={plural(list.length, 'kind')}>
      {!list.length ? <Empty title={doc.failures_by_pattern ? 'No failure' : 'Not known yet'}>{of('failures_by_pattern', doc) ?? doc.state_reason}</Empty> : (
        <Scroll label="failures by kind">
          <table class="figures-table" aria-label="failures by kind">
            <thead><tr>{['skill', 'level', 'difficulty', 'pattern', 'failures', 'confident', 'for instance'].map((h) => <th scope="col">{h}</th>)}</tr></thead>
            <tbody>
              {list.slice(0, SHOWN).map((c) => (
                <tr>
                  <th scope="row"><Text of={c.skill ?? 'no skill'} most={40} /></th>
                  <td><Value v={c.level} show={count} why={c.level_reason} /></td>
                  <td><Text of={c.difficulty ?? '–'} most={20} /></td>
                  <td title={c.about}>{stateWord(c.pattern)}</td>
                  <td class="num">{count(c.count)}</td>
                  <td class="num">{count(c.confident)}</td>
                  <td class="wide"><Instance of={c} /></td>
                </tr>
              ))}
            </tbody>
          </table>
        </Scroll>
      )}
      {list.length > SHOWN && <p class="hint">{plural(list.length - SHOWN, 'kind')} more in status/adversarial_mining.json.</p>}
      {unknown && unknown.count > 0 && <p class="hint">{plural(unknown.count, 'failure')} of no known skill: <Text of={unknown.hint ?? ''} /></p>}
    </Card>
  );
}

function Rounds({ list }: { list: Round[] }) {
  return (
    <table class="figures-table" aria-label="rounds">
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
      <p class="quiet">
        <Text of={x.skill ?? 'no skill'} most={40} /> · {stateWord(x.pattern ?? 'other')} · confidence <Value v={x.confidence} show={(v) => fixed(v, 2)} why={x.confidence_reason} />
        {x.checkpoint && <> · <Text of={x.checkpoint} most={60} /></>}{typeof x.round === 'number' && <>, round {count(x.round)}</>}
      </p>
      <Block of={x.prompt} />
      <Pair golden={x.golden} given={x.model_answer} />
      {x.why && <p class="hint"><Text of={x.why} /></p>}
    </article>
  );
}

/* What came of it besides, where there is any. */
function Notes({ doc }: { doc: Mining }) {
  const known = doc.not_kept_known ?? 0, asked = doc.not_kept_validation ?? 0, broken = doc.lines_broken ?? 0;
  const parts = [known && `${count(known)} failed but are known already`, asked && `${count(asked)} are too like a validation example`,
    broken && `${plural(broken, 'line')} of the files are no examples`, doc.exhausted && 'nothing new can be made of these failures'].filter(Boolean);
  return parts.length ? <p class="hint">{parts.join(' · ')}</p> : null;
}

export function Hard({ doc }: { doc: Mining }) {
  const list = doc.examples ?? [];
  if (doc.state === 'not_installed') return <Card title="Hard examples"><Empty title="Not here">{doc.state_reason}</Empty></Card>;
  return (
    <>
      <Card title="Hard examples" aside={doc.file && <Text of={doc.file} most={80} />}>
        <MiningFigures doc={doc} />
        {doc.state !== 'ok' && doc.state_reason && <p class="hint"><Text of={doc.state_reason} /></p>}
        <Notes doc={doc} />
        {(doc.rounds ?? []).length > 0 && <Scroll label="rounds"><Rounds list={doc.rounds!} /></Scroll>}
      </Card>
      <Patterns doc={doc} />
      <Card title="Kept last" aside={plural(list.length, 'example')}>
        {!list.length ? <Empty title="None yet">{of('examples', doc) ?? doc.state_reason}</Empty> : list.map((x) => <Example key={x.id} x={x} />)}
      </Card>
    </>
  );
}
