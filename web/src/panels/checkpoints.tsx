/* Checkpoints: the table, a page at a time, and one of them in full. */
import { useState } from 'preact/hooks';
import { act } from '../actions';
import { address, report } from '../api';
import { ago, bytes, clock, count, fixed, percent, plural, short, si } from '../format';
import { Card, Empty, Shown } from '../parts/card';
import { LevelTag, stateWord } from '../parts/level';
import { Pick } from '../parts/pick';
import { Text } from '../parts/text';
import { Value } from '../parts/value';
import { useQuery } from '../query';
import { href, useParams } from '../route';
import { now, useCell } from '../store';
import type { CheckpointRow, Page } from '../types';
import { Why } from './why';

type Rows = { checkpoints: CheckpointRow[] } & Page;
const STATES = ['all', 'ready', 'refused', 'quarantined', 'found', 'gone'];
const LIMIT = 50;

function Row({ c, compact }: { c: CheckpointRow; compact?: boolean }) {
  const time = useCell(now), v = c.suites?.find((s) => s.suite === 'validation') ?? c.suites?.[0];
  const reason = v ? undefined : 'not graded';
  return (
    <tr>
      <th scope="row"><a href={href('checkpoints', { id: c.id })}><Text of={c.name} most={60} /></a>{c.pinned && <span class="chip" title="what proctor deletes leaves it alone">pinned</span>}</th>
      {!compact && <td class="num">{count(c.step)}</td>}
      <td>{c.state === 'ready' ? <LevelTag level={c.level} why={c.level_reason} short={compact} /> : <span class="tag level-warning" title={c.reason ?? ''}>{stateWord(c.state)}</span>}</td>
      {!compact && <td><Value v={c.rank} show={count} why="not ranked" /></td>}
      <td><Value v={c.score} show={(x) => fixed(x, 4)} why="not ranked" /></td>
      <td><Value v={v?.accuracy} show={(x) => percent(x)} why={reason} />{v && <span class="ci">n {count(v.graded)}{v.n !== v.graded && ` of ${count(v.n)}`}</span>}</td>
      <td><Value v={v?.loss_mean_per_example} show={short} why={reason} /></td>
      {!compact && <td><Value v={v?.ece} show={(x) => fixed(x, 3)} why={reason} /></td>}
      {!compact && <td><Value v={c.parameters} show={si} why="not opened" /></td>}
      {!compact && <td><Value v={c.weight_bytes} show={bytes} why="not opened" /></td>}
      {!compact && <td class="num"><span title={c.found_at ? clock(c.found_at, time) : ''}>{ago(c.found_at, time)}</span></td>}
    </tr>
  );
}

function Head({ compact }: { compact?: boolean }) {
  const names = ['checkpoint', ...(compact ? [] : ['step']), compact ? '' : 'verdict', ...(compact ? [] : ['rank']), 'score', 'accuracy', 'loss per example', ...(compact ? [] : ['ECE', 'parameters', 'weights', 'found'])];
  return <thead><tr>{names.map((n) => <th scope="col">{n || <span class="sr">verdict</span>}</th>)}</tr></thead>;
}

function Table({ params }: { params: Record<string, string> }) {
  const [cursors, setCursors] = useState<string[]>([]);
  const cursor = cursors[cursors.length - 1];
  const a = useQuery<Rows>(address('/api/checkpoints', { state: params.state, order: params.order, run: params.run, limit: LIMIT, cursor }), { sources: ['gradebook'] });
  const at = cursors.length * LIMIT;
  return (
    <Shown of={a} lines={10}>{(doc) => (!doc.checkpoints.length ? <Empty title="No checkpoint yet">A folder that a trainer saves appears here as soon as it is complete.</Empty> : (
      <Card title="All checkpoints" aside={`${count(at + 1)} – ${count(at + doc.checkpoints.length)} of ${count(doc.n)}`}>
        <div class="scroll" tabIndex={0} role="region" aria-label="checkpoints">
          <table class="figures-table">
            <Head />
            <tbody>{doc.checkpoints.map((c) => <Row key={c.id} c={c} />)}</tbody>
          </table>
        </div>
        <div class="pager" hidden={!!report || (!cursors.length && !doc.next_cursor)}>
          <button type="button" disabled={!cursors.length} onClick={() => setCursors(cursors.slice(0, -1))}>Back</button>
          <button type="button" disabled={!doc.next_cursor} onClick={() => doc.next_cursor && setCursors([...cursors, doc.next_cursor])}>Next</button>
        </div>
      </Card>
    ))}</Shown>
  );
}

function PinButton({ id }: { id: number }) {
  const [said, setSaid] = useState('');
  // Whether it is pinned is a column of the table: the row is asked for by its id there alone.
  return (
    <>
      <button type="button" onClick={() => act('pin', { checkpoint: id }, setSaid)}>Pin</button>
      <button type="button" onClick={() => act('unpin', { checkpoint: id }, setSaid)}>Unpin</button>
      {said && <span class="c-critical" role="alert">{said}</span>}
    </>
  );
}

export function Checkpoints() {
  const [params, set] = useParams('checkpoints');
  if (params.id) {
    const id = Number(params.id);
    return (
      <>
        <div class="panel-head">
          <h2>Checkpoint</h2><a href={href('checkpoints')}>All checkpoints</a>
          <span class="spring" />
          <a href={href('previews', { checkpoint: id })}>Answers</a>
          <a href={href('calibration', { checkpoint: id })}>Calibration</a>
          <a href={href('comparison', { b: id })}>Compare</a>
          {!report && <PinButton id={id} />}
        </div>
        <Why id={id} key={id} />
      </>
    );
  }
  return (
    <>
      <div class="panel-head"><h2>Checkpoints</h2></div>
      <div class="controls">
        <Pick label="State" value={params.state ?? 'all'} choices={STATES.map((s) => ({ value: s, label: s }))} onPick={(v) => set({ state: v === 'all' ? null : v })} />
        <Pick label="Order" value={params.order ?? 'newest'} choices={[{ value: 'newest', label: 'newest first' }, { value: 'best', label: 'best first' }]} onPick={(v) => set({ order: v === 'newest' ? null : v })} />
      </div>
      <Table key={`${params.state}|${params.order}|${params.run}`} params={params} />
    </>
  );
}

export function CheckpointsCard() {
  const a = useQuery<Rows>(address('/api/checkpoints', { order: 'best', state: 'ready', limit: 6 }), { sources: ['gradebook'] });
  return (
    <Card title="Best checkpoints" more={href('checkpoints', { order: 'best' })} aside={a.doc && plural(a.doc.n ?? 0, 'checkpoint')}>
      <Shown of={a}>{(doc) => (!doc.checkpoints.length ? <Empty title="No checkpoint yet">It appears as soon as it is complete.</Empty> : (
        <div class="scroll">
          <table class="figures-table"><Head compact /><tbody>{doc.checkpoints.map((c) => <Row key={c.id} c={c} compact />)}</tbody></table>
        </div>
      ))}</Shown>
    </Card>
  );
}
