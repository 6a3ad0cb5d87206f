/* Why a checkpoint stands as it does: what `proctor why` says. */
import { clock, count, fixed, percent, short } from '../format';
import { Card, Shown } from '../parts/card';
import { stateWord } from '../parts/level';
import { Text } from '../parts/text';
import { Interval, Value } from '../parts/value';
import { useQuery } from '../query';
import { now, useCell } from '../store';
import { byDifficulty } from './difficulty';
import type { Decision } from '../types';

type N = number | null;

interface Grade {
  suite: string;
  graded: number;
  of: number;
  accuracy?: N;
  accuracy_reason?: string;
  accuracy_ci95?: [number, number] | null;
  loss?: N;
  loss_mean_per_example?: N;
  ece?: N;
  by_difficulty?: Record<string, { n: number; accuracy: N; accuracy_ci95?: [number, number] | null; loss_mean_per_example: N }>;
  by_skill?: Record<string, { n: number; accuracy: N; accuracy_ci95?: [number, number] | null; loss_mean_per_example: N }>;
}

interface WhyDocument {
  checkpoint: { checkpoint: string; step?: N; run?: string; state?: string; reason?: string | null; fingerprint?: string; path?: string; notes?: string | null; bad_weights?: string | null };
  grades?: Grade[];
  decisions?: Decision[];
  summary?: string[];
}

const DEEPEST = 8, LISTED = 12;

function plainValue(v: unknown): v is string | number | boolean | null {
  return v === null || typeof v !== 'object';
}

function scalar(v: string | number | boolean | null): string {
  return typeof v === 'number' ? (Number.isInteger(v) ? String(v) : short(v, 6)) : v === null ? '–' : String(v);
}

/* Evidence is any document: its leaves with their paths, as `proctor why` prints them. */
function leaves(v: unknown, name: string, depth: number, out: [string, string][]): void {
  if (plainValue(v)) out.push([name, scalar(v)]);
  else if (Array.isArray(v) && v.every(plainValue)) {
    const more = v.length > LISTED ? ` and ${v.length - LISTED} more` : '';
    out.push([name, v.length ? v.slice(0, LISTED).map((x) => scalar(x as string)).join(', ') + more : 'none']);
  } else if (depth < DEEPEST) {
    const entries = Array.isArray(v) ? v.slice(0, LISTED).map((x, i) => [`${name}[${i}]`, x] as const)
      : Object.entries(v as object).map(([k, x]) => [name ? `${name}.${k}` : k, x] as const);
    for (const [k, x] of entries) leaves(x, k, depth + 1, out);
  }
}

function Evidence({ of }: { of: unknown }) {
  const out: [string, string][] = [];
  leaves(of, '', 0, out);
  return (
    <table class="evidence">
      <caption class="sr">Evidence</caption>
      <tbody>{out.map(([k, v]) => <tr><th scope="row"><Text of={k} /></th><td class="num"><Text of={v} /></td></tr>)}</tbody>
    </table>
  );
}

function OneDecision({ d }: { d: Decision }) {
  const time = useCell(now);
  return (
    <details class={`decision${d.superseded ? ' superseded' : ''}`}>
      <summary>
        <span class="num quiet">{clock(d.at, time)}</span> <b>{d.system}</b> {stateWord(d.kind)}{d.suite && <> on <Text of={d.suite} most={40} /></>}: <b>{stateWord(d.verdict)}</b>
        {d.against && <> against <Text of={d.against} most={60} /></>}{d.superseded && <span class="chip">superseded</span>}
      </summary>
      <Evidence of={d.evidence} />
    </details>
  );
}

type Part = NonNullable<Grade['by_skill']>;

function Parts({ of, name }: { of?: Part; name: string }) {
  const list = byDifficulty(of);
  if (!list.length) return null;
  return (
    <div class="scroll"><table class="figures-table">
      <thead><tr><th scope="col">{name}</th><th scope="col">n</th><th scope="col">accuracy</th><th scope="col">loss per example</th></tr></thead>
      <tbody>
        {list.map(([k, p]) => (
          <tr>
            <th scope="row"><Text of={k} most={40} /></th><td class="num">{count(p.n)}</td>
            <td><Value v={p.accuracy} show={(x) => percent(x)} /><Interval low={p.accuracy_ci95?.[0]} high={p.accuracy_ci95?.[1]} show={(x) => percent(x)} /></td>
            <td><Value v={p.loss_mean_per_example} show={short} /></td>
          </tr>
        ))}
      </tbody>
    </table></div>
  );
}

function Grades({ g }: { g: Grade }) {
  return (
    <Card title={`Suite ${g.suite}`} aside={`${count(g.graded)} of ${count(g.of)} graded`}>
      <dl class="stats">
        <div class="stat"><dt>accuracy</dt><dd><Value v={g.accuracy} show={(x) => percent(x)} why={g.accuracy_reason} /><Interval low={g.accuracy_ci95?.[0]} high={g.accuracy_ci95?.[1]} show={(x) => percent(x)} /></dd></div>
        <div class="stat"><dt>loss</dt><dd><Value v={g.loss} show={short} /></dd></div>
        <div class="stat"><dt>loss per example</dt><dd><Value v={g.loss_mean_per_example} show={short} /></dd></div>
        <div class="stat"><dt>ECE</dt><dd><Value v={g.ece} show={(x) => fixed(x, 3)} /></dd></div>
      </dl>
      <div class="two"><Parts of={g.by_difficulty} name="difficulty" /><Parts of={g.by_skill} name="skill" /></div>
    </Card>
  );
}

export function Why({ id }: { id: number }) {
  const a = useQuery<WhyDocument>(`/api/checkpoints/${id}`, { sources: ['gradebook'] });
  return (
    <Shown of={a} lines={10}>{(doc) => {
      const c = doc.checkpoint, decisions = [...(doc.decisions ?? [])].reverse();
      return (
        <>
          <Card title={c.checkpoint} aside={c.path && <Text of={c.path} most={120} />}>
            {c.state && c.state !== 'ready' && <p class="notice">{stateWord(c.state)}{c.reason && <>: <Text of={c.reason} /></>}</p>}
            {c.bad_weights && <p class="notice"><Text of={c.bad_weights} /></p>}
            <ul class="sentences">{(doc.summary ?? []).map((s) => <li><Text of={s} most={2000} /></li>)}</ul>
          </Card>
          <div class="grid wide-cells">{(doc.grades ?? []).map((g) => <Grades key={g.suite} g={g} />)}</div>
          <Card title="Decisions" aside={`${count(decisions.length)}, newest first`}>{decisions.map((d) => <OneDecision d={d} />)}</Card>
        </>
      );
    }}</Shown>
  );
}
