/* Alerts: what is open, what was, who was told. */
import { useState } from 'preact/hooks';
import { act } from '../actions';
import { address, report } from '../api';
import { ago, clock, plural } from '../format';
import { Card, Empty, Shown } from '../parts/card';
import { LevelTag, stateWord } from '../parts/level';
import { Text } from '../parts/text';
import { useQuery } from '../query';
import { href, useParams } from '../route';
import { now, useCell } from '../store';
import type { Alert, Page } from '../types';

type AlertPage = { alerts: Alert[]; n_open?: number } & Page;

function Acknowledge({ a }: { a: Alert }) {
  const [said, setSaid] = useState('');
  if (a.acknowledged_at || a.cleared_at || report) return null;
  return (
    <>
      <button type="button" onClick={() => act('acknowledge', { alert: a.id }, setSaid)}>Acknowledge</button>
      {said && <span class="c-critical" role="alert">{said}</span>}
    </>
  );
}

function Deliveries({ a }: { a: Alert }) {
  const list = a.deliveries ?? [];
  if (!list.length) return null;
  return (
    <ul class="deliveries">
      {list.map((d) => (
        <li class={d.state === 'failed' || d.state === 'dropped' ? 'c-warning' : 'quiet'}>
          <Text of={d.channel} most={40} />, {stateWord(d.kind)}: {stateWord(d.state)}{d.attempts > 1 && ` after ${plural(d.attempts, 'attempt')}`}{d.reason && <> (<Text of={d.reason} />)</>}
        </li>
      ))}
    </ul>
  );
}

function One({ a, brief }: { a: Alert; brief?: boolean }) {
  const time = useCell(now);
  return (
    <li class={`alert${a.cleared_at ? ' cleared' : ''}`}>
      <LevelTag level={a.level} />
      <div>
        <p><Text of={a.text} most={2000} /></p>
        <p class="quiet">
          {a.system} · <span title={clock(a.raised_at, time)}>{ago(a.raised_at, time)}</span>
          {a.cleared_at && <> · cleared {ago(a.cleared_at, time)}</>}
          {a.acknowledged_at && <> · acknowledged {ago(a.acknowledged_at, time)}</>}
          {a.checkpoint_name && <> · {a.checkpoint ? <a href={href('checkpoints', { id: a.checkpoint })}><Text of={a.checkpoint_name} most={60} /></a> : <Text of={a.checkpoint_name} most={60} />}</>}
        </p>
        {!brief && <Deliveries a={a} />}
      </div>
      {!brief && <Acknowledge a={a} />}
    </li>
  );
}

function List({ state, cursor }: { state: string; cursor?: string }) {
  const [more, setMore] = useState(false);
  const a = useQuery<AlertPage>(address('/api/alerts', { state, limit: 50, cursor }), { sources: ['gradebook'] });
  return (
    <Shown of={a} lines={5}>{(doc) => (
      <>
        {!doc.alerts.length && !cursor && <Empty title={state === 'open' ? 'No open alert' : 'No alert so far'}>{state === 'open' ? 'All is well, as far as it was judged.' : undefined}</Empty>}
        <ul class="alerts">{doc.alerts.map((x) => <One key={x.id} a={x} />)}</ul>
        {doc.next_cursor && !more && !report && <button type="button" class="more" onClick={() => setMore(true)}>More</button>}
        {doc.next_cursor && more && <List key={doc.next_cursor} state={state} cursor={doc.next_cursor} />}
      </>
    )}</Shown>
  );
}

export function Alerts() {
  const [params, set] = useParams('alerts');
  const state = params.state === 'all' ? 'all' : 'open';
  return (
    <>
      <div class="panel-head"><h2>Alerts</h2>
        <span class="segmented" role="group" aria-label="which">
          {['open', 'all'].map((s) => <button type="button" aria-pressed={s === state} onClick={() => set({ state: s === 'all' ? 'all' : null })}>{s}</button>)}
        </span>
      </div>
      <Card title={state === 'open' ? 'Open' : 'Open and past'}><List key={state} state={state} /></Card>
    </>
  );
}

export function AlertsCard() {
  const a = useQuery<AlertPage>(address('/api/alerts', { state: 'all', limit: 4 }), { sources: ['gradebook'] });
  return (
    <Card title="Alerts" more={href('alerts', { state: 'all' })} aside={a.doc && (a.doc.n_open ? `${a.doc.n_open} open` : 'none open')}>
      <Shown of={a}>{(doc) => (doc.alerts.length ? <ul class="alerts">{doc.alerts.map((x) => <One key={x.id} a={x} brief />)}</ul> : <Empty title="No alert so far" />)}</Shown>
    </Card>
  );
}
