/* Previews: what the model was asked, what it should have said, and what it said. */
import { useMemo, useState } from 'preact/hooks';
import { address, report } from '../api';
import { Chart } from '../charts/chart';
import type { Line } from '../charts/lines';
import { count, fixed, percent, plural, short } from '../format';
import { AnswerText } from '../parts/answer';
import { Card, Empty, Shown } from '../parts/card';
import { Outcome } from '../parts/level';
import { CheckpointPick, choices, Pick, Search, useCheckpoints } from '../parts/pick';
import { Block, Text } from '../parts/text';
import { Value } from '../parts/value';
import { useQuery } from '../query';
import { href, useParams } from '../route';
import { status, suites } from '../state';
import { useCell } from '../store';
import { plain } from '../text';
import type { About, Example, Page } from '../types';
import { useHistory } from './curves';
import { Through } from './through';

type Params = Record<string, string>;
type SetParams = (patch: Record<string, string | number | null>, replace?: boolean) => void;
type ExamplePage = { examples: Example[]; checkpoint?: About | null; against?: About | null } & Page;

const OUTCOMES = ['all', 'right', 'wrong', 'gained', 'lost', 'truncated', 'ungraded'];
const FILTERS = ['suite', 'checkpoint', 'against', 'skill', 'difficulty', 'outcome', 'search'];

export function examplesUrl(params: Params, limit: number, cursor?: string): string {
  const picked = Object.fromEntries(FILTERS.map((f) => [f, params[f]]));
  return address('/api/gradebook/examples', { ...picked, limit, cursor });
}

function Filters({ params, set }: { params: Params; set: SetParams }) {
  const list = useCell(suites).doc?.suites ?? [], checkpoints = useCheckpoints();
  const suite = list.find((s) => s.name === (params.suite ?? 'validation')) ?? list[0];
  const compared = params.against ? OUTCOMES : OUTCOMES.filter((o) => o !== 'gained' && o !== 'lost');
  return (
    <form class="controls" role="search" aria-label="filter answers" onSubmit={(e) => e.preventDefault()}>
      <Pick label="Suite" value={params.suite ?? ''} choices={choices(list.map((s) => s.name), 'validation').filter((c) => c.value !== 'validation')} onPick={(v) => set({ suite: v })} />
      <CheckpointPick label="Checkpoint" value={params.checkpoint ?? ''} none="newest graded" list={checkpoints} onPick={(v) => set({ checkpoint: v })} />
      <CheckpointPick label="Against" value={params.against ?? ''} none="nothing" list={checkpoints}
        onPick={(v) => set({ against: v, outcome: v ? params.outcome ?? null : null })} />
      <Pick label="Outcome" value={params.outcome ?? 'all'} choices={compared.map((o) => ({ value: o, label: o }))} onPick={(v) => set({ outcome: v === 'all' ? null : v })} />
      <Pick label="Difficulty" value={params.difficulty ?? ''} choices={choices(suite?.difficulties ?? [], 'any')} onPick={(v) => set({ difficulty: v })} />
      <Pick label="Skill" value={params.skill ?? ''} choices={choices(suite?.skills ?? [], 'any')} onPick={(v) => set({ skill: v })} />
      <Search label="Search" value={params.search ?? ''} onSearch={(v) => set({ search: v || null }, true)} />
    </form>
  );
}

function Prompt({ of }: { of: Example }) {
  const list = of.messages ?? [];
  if (of.text) return <Block of={of.text} />;
  if (!list.length) return <span class="quiet">no prompt</span>;
  return (
    <>
      {list.map((m) => (
        <div class="message">{(list.length > 1 || m.role !== 'user') && <small class="role"><Text of={m.role} most={20} /></small>}<Block of={m.content} /></div>
      ))}
    </>
  );
}

function Row({ of, params, set }: { of: Example; params: Params; set: SetParams }) {
  const open = params.example === of.example;
  return (
    <article class={`example${open ? ' open' : ''}`} aria-label={`example ${plain(of.id)}`}>
      <div class="example-meta">
        <Outcome correct={of.correct} was={params.against ? of.was_correct : undefined} />
        <span class="quiet">
          {[of.difficulty, of.skill].filter(Boolean).map((t) => <span class="chip"><Text of={t} most={30} /></span>)}
        </span>
        <span class="figures quiet">
          <span title="exp of the mean log-probability of the answer's tokens">confidence <Value v={of.confidence} show={(x) => percent(x)} why={of.confidence_reason ?? 'nothing was generated'} /></span>
          <span>loss <Value v={of.loss} show={short} why={of.loss_reason ?? 'no loss'} /></span>
          <span><Value v={of.output_tokens} show={count} why="nothing was generated" /> tokens</span>
        </span>
        {of.reason && <span class="c-warning"><Text of={of.reason} /></span>}
        <button type="button" class="link" aria-expanded={open} onClick={() => set({ example: open ? null : of.example }, true)}>
          {open ? 'close' : 'through the checkpoints'}
        </button>
      </div>
      <div class="example-body">
        <div><h4>Prompt</h4><Prompt of={of} /></div>
        <div><h4>Golden</h4><Block of={of.golden} empty="none" /></div>
        <div><h4>Output</h4><AnswerText of={of} /></div>
      </div>
      {open && <Through digest={of.example} suite={params.suite} checkpoint={params.checkpoint ? Number(params.checkpoint) : undefined} />}
    </article>
  );
}

/* Each page is an answer of its own; the last one knows whether there is more. */
function Rows({ params, set, cursor, first }: { params: Params; set: SetParams; cursor?: string; first?: boolean }) {
  const [more, setMore] = useState(false);
  const a = useQuery<ExamplePage>(examplesUrl(params, 50, cursor), { sources: ['gradebook'] });
  return (
    <Shown of={a} lines={6}>{(doc) => (
      <>
        {first && <p class="count" role="status">{plural(doc.n ?? doc.examples.length, 'answer')}{doc.checkpoint && <> of <Text of={doc.checkpoint.name} most={60} /></>}{doc.against && <> against <Text of={doc.against.name} most={60} /></>}</p>}
        {first && !doc.examples.length && <Empty title="No answer fits">Fewer filters show more.</Empty>}
        {doc.examples.map((e) => <Row key={e.example} of={e} params={params} set={set} />)}
        {doc.next_cursor && report && <p class="hint">This report holds the first {count(doc.examples.length)}.</p>}
        {doc.next_cursor && !more && !report && <button type="button" class="more" onClick={() => setMore(true)}>More</button>}
        {doc.next_cursor && more && <Rows key={doc.next_cursor} params={params} set={set} cursor={doc.next_cursor} />}
      </>
    )}</Shown>
  );
}

function ThinkCharts({ params }: { params: Params }) {
  const h = useHistory(params.suite, params.run, 600).doc;
  const lines = useMemo(() => {
    const n = h?.graded;
    const one = (label: string, color: string, y: (number | null)[] | undefined): Line[] => [{ label, color, y: y ?? [], points: true, n }];
    return {
      rate: one('answers that think', 's4', h?.think_rate), length: one('tokens, mean', 's1', h?.mean_output_tokens),
      open: one('never closed', 's3', h?.think_unclosed),
    };
  }, [h]);
  if (!h?.step.length) return null;
  return (
    <details class="fold">
      <summary>Thinking and length over the checkpoints</summary>
      <div class="charts three">
        <Chart title="Think rate" x={h.step} lines={lines.rate} show={(v) => percent(v)} hard={[0, 1]} height={130} />
        <Chart title="Output length" x={h.step} lines={lines.length} show={(v) => fixed(v, 1)} hard={[0, null]} height={130} />
        <Chart title="Think blocks never closed" x={h.step} lines={lines.open} show={(v) => short(v, 3)} hard={[0, null]} height={130} />
      </div>
    </details>
  );
}

export function Previews() {
  const [params, set] = useParams('previews');
  const filtered = FILTERS.map((f) => params[f] ?? '').join('\n');
  return (
    <>
      <div class="panel-head"><h2>Previews</h2></div>
      <Filters params={params} set={set} />
      <ThinkCharts params={params} />
      <Rows key={filtered} params={params} set={set} first />
    </>
  );
}

function CardRow({ of, checkpoint }: { of: Example; checkpoint?: number }) {
  return (
    <li>
      <a href={href('previews', { checkpoint, example: of.example, search: of.id })}>
        <Outcome correct={of.correct} />
        <span class="line"><Text of={of.messages?.[of.messages.length - 1]?.content ?? of.text} most={80} /></span>
        <span class="line"><Text of={of.answer ?? of.output} most={60} /></span>
      </a>
    </li>
  );
}

export function PreviewsCard() {
  const newest = useCell(status).doc?.newest;
  const a = useQuery<ExamplePage>(address('/api/gradebook/examples', { outcome: 'wrong', limit: 6 }), { sources: ['gradebook'] });
  return (
    <Card title="Wrong answers" more={href('previews', { outcome: 'wrong' })} aside={newest && <Text of={a.doc?.checkpoint?.name ?? newest.checkpoint} most={40} />}>
      <Shown of={a}>{(doc) => (doc.examples.length
        ? <ul class="mini-list">{doc.examples.map((e) => <CardRow of={e} checkpoint={doc.checkpoint?.id} />)}</ul>
        : <Empty title="No wrong answer">None was graded, or all were right.</Empty>)}</Shown>
    </Card>
  );
}
