/* Deployment: what is served, why the candidate is or is not, and the checkpoints that are brought here. */
import { bytes, clock, count, duration, fixed, plural, pvalue } from '../format';
import { Card, Empty, Shown, Stat } from '../parts/card';
import { stateWord } from '../parts/level';
import { Scroll } from '../parts/scroll';
import { Text } from '../parts/text';
import { Absent, Field, Interval } from '../parts/value';
import { useQuery } from '../query';
import { href } from '../route';
import { now, useCell } from '../store';
import type { Finding } from '../types';

type N = number | null;
type S = string | null;

interface Check {
  name: string;
  passed: boolean | null;
  why?: S;
}

interface Gain {
  difference?: N;
  ci95?: [number, number] | null;
  p?: N;
  n?: N;
}

interface Past {
  checkpoint?: S;
  began_at?: S;
  ended_at?: S;
  step?: S;
  reason?: S;
  by?: S;
  rollback_seconds?: N;
}

export interface Deployed extends Finding {
  checkpoint?: S;
  checkpoint_reason?: S;
  deployed_at?: S;
  score?: N;
  success?: boolean | null;
  target?: S;
  previous?: S;
  reason?: S;
  under_way?: { step?: S; version?: S } | null;
  verdict?: S;
  held_because?: S;
  candidate?: { checkpoint?: S } | null;
  candidate_reason?: S;
  checks?: Check[] | null;
  choose?: Gain | null;
  confirm?: Gain | null;
  history?: Past[] | null;
  sync?: Synced;
}

interface There {
  name: string;
  step?: N;
  state: string;
  reason?: S;
  as?: S;
}

interface Synced extends Finding {
  source?: S;
  last_look?: S;
  last_success?: S;
  next_try_at?: S;
  consecutive_failures?: N;
  transferring?: { name?: S; bytes_done?: N; bytes_total?: N; bytes_per_second?: N; eta_seconds?: N } | null;
  checkpoints?: There[] | null;
  kept?: { name: string; bytes?: N; reason?: S }[] | null;
  failure?: S;
  removed?: { name: string; why?: S; at?: S; bytes?: N }[] | null;
}

function Figures({ doc }: { doc: Deployed }) {
  const time = useCell(now);
  return (
    <dl class="stats">
      <Stat label="served">
        {doc.checkpoint ? <Text of={doc.checkpoint} most={60} /> : <Absent why={doc.checkpoint_reason} />}
      </Stat>
      <Stat label="at">{doc.deployed_at ? clock(doc.deployed_at, time) : <Absent why="nothing was deployed yet" />}</Stat>
      <Stat label="score, confirming half"><Field of={doc} name="score" show={(x) => fixed(x, 4)} /></Stat>
      <Stat label="before it">{doc.previous ? <Text of={doc.previous} most={60} /> : <Absent why="nothing" />}</Stat>
    </dl>
  );
}

function GainRow({ label, of }: { label: string; of?: Gain | null }) {
  if (!of) return null;
  return (
    <tr>
      <th scope="row">{label}</th>
      <td class="num">{fixed(of.difference, 4)} {of.ci95 && <Interval low={of.ci95[0]} high={of.ci95[1]} show={(x) => fixed(x, 4)} />}</td>
      <td class="num">{pvalue(of.p)}</td>
      <td class="num">{count(of.n)}</td>
    </tr>
  );
}

function Gate({ doc }: { doc: Deployed }) {
  if (!doc.checks?.length) return doc.candidate_reason ? <p class="hint">No candidate: <Text of={doc.candidate_reason} />.</p> : null;
  return (
    <Card title={`Candidate ${doc.candidate?.checkpoint ?? ''}`}>
      {doc.held_because && <p class="hint">Held: <Text of={doc.held_because} />.</p>}
      <ul class="checks" aria-label="the gate's checks">
        {doc.checks.map((c) => (
          <li>
            <span class={`tag level-${c.passed === null ? 'info' : c.passed ? 'ok' : 'warning'}`}>{c.passed === null ? '– not asked' : c.passed ? '✓ passed' : '▲ held'}</span>{' '}
            <b>{stateWord(c.name)}</b> <Text of={c.why ?? ''} most={300} />
          </li>
        ))}
      </ul>
      {(doc.choose || doc.confirm) && (
        <Scroll label="what it gains over what is served">
          <table class="figures-table" aria-label="what it gains over what is served">
            <thead><tr>{['examples', 'score gained', 'p', 'n'].map((h) => <th scope="col">{h}</th>)}</tr></thead>
            <tbody>
              <GainRow label="it was chosen by" of={doc.choose} />
              <GainRow label="that confirm it" of={doc.confirm} />
            </tbody>
          </table>
        </Scroll>
      )}
    </Card>
  );
}

function History({ list }: { list: Past[] }) {
  const time = useCell(now);
  return (
    <Scroll label="deployments">
      <table class="figures-table" aria-label="deployments">
        <thead><tr>{['checkpoint', 'at', 'outcome', 'by', 'why'].map((h) => <th scope="col">{h}</th>)}</tr></thead>
        <tbody>
          {list.map((x) => (
            <tr>
              <th scope="row"><Text of={x.checkpoint ?? '–'} most={60} /></th>
              <td class="num">{clock(x.ended_at ?? x.began_at, time)}</td>
              <td>{stateWord(x.step ?? '–')}{x.rollback_seconds ? ` in ${duration(x.rollback_seconds)}` : ''}</td>
              <td>{x.by}</td>
              <td class="wide"><Text of={x.reason ?? ''} most={300} /></td>
            </tr>
          ))}
        </tbody>
      </table>
    </Scroll>
  );
}

function Transfer({ of: t }: { of: NonNullable<Synced['transferring']> }) {
  return (
    <p>
      <Text of={t.name ?? ''} most={60} />: {bytes(t.bytes_done)} of {bytes(t.bytes_total)}
      {t.bytes_per_second ? ` at ${bytes(t.bytes_per_second)}/s` : ''}{t.eta_seconds ? `, ${duration(t.eta_seconds)} left` : ''}
      {' '}<progress value={t.bytes_done ?? 0} max={t.bytes_total || 1} aria-label="copied" />
    </p>
  );
}

function SyncFigures({ doc: s }: { doc: Synced }) {
  const time = useCell(now);
  return (
    <dl class="stats">
      <Stat label="from"><Text of={s.source ?? '–'} most={80} /></Stat>
      <Stat label="last look" sub={s.consecutive_failures ? ` · failed ${plural(s.consecutive_failures, 'time')}` : ''}>{clock(s.last_look, time)}</Stat>
      <Stat label="kept here">{count(s.kept?.length)}</Stat>
    </dl>
  );
}

/* Of one that was copied: why it is kept here. */
function why(s: Synced, c: There): string {
  const kept = s.kept?.find((k) => k.name === (c.as ?? c.name));
  return kept?.reason ? `kept: ${kept.reason}` : '';
}

function Sync({ doc: s }: { doc: Synced }) {
  const time = useCell(now);
  if (!s.source) return <Card title="Checkpoint sync"><Empty title="Nothing is brought here">{s.state_reason}</Empty></Card>;
  return (
    <Card title="Checkpoint sync">
      <SyncFigures doc={s} />
      {s.failure && <p class="hint">The last look failed: <Text of={s.failure} most={300} />.</p>}
      {s.transferring && <Transfer of={s.transferring} />}
      {!!s.checkpoints?.length && (
        <Scroll label="checkpoints over there">
          <table class="figures-table" aria-label="checkpoints over there">
            <thead><tr>{['checkpoint', 'step', 'state', 'why'].map((h) => <th scope="col">{h}</th>)}</tr></thead>
            <tbody>
              {s.checkpoints.map((c) => (
                <tr><th scope="row"><Text of={c.name} most={80} /></th><td class="num">{count(c.step)}</td><td>{stateWord(c.state)}{c.as && c.as !== c.name ? ` as ${c.as}` : ''}</td><td class="wide"><Text of={c.reason ?? why(s, c)} most={300} /></td></tr>
              ))}
            </tbody>
          </table>
        </Scroll>
      )}
      {!!s.removed?.length && (
        <details>
          <summary>{plural(s.removed.length, 'checkpoint')} removed here</summary>
          <ul>{[...s.removed].reverse().map((r) => <li><Text of={r.name} most={80} /> ({bytes(r.bytes)}, {clock(r.at, time)}): <Text of={r.why ?? ''} most={300} /></li>)}</ul>
        </details>
      )}
    </Card>
  );
}

function Served({ doc }: { doc: Deployed }) {
  if (doc.state === 'not_installed') return <Empty title="Not here">{doc.state_reason}</Empty>;
  if (!doc.target) return <Empty title="Nothing is deployed">{doc.state_reason}</Empty>;
  return <Figures doc={doc} />;
}

export function Deployment() {
  return (
    <>
      <div class="panel-head"><h2>Deployment</h2></div>
      <Shown of={useQuery<Deployed>('/api/deployments')} lines={6}>
        {(doc) => (
          <>
            <Card title="Deployed"><Served doc={doc} />
              {doc.under_way && <p>Under way: <Text of={doc.under_way.version ?? ''} most={80} />, {stateWord(doc.under_way.step ?? '')}.</p>}
              {doc.success === false && <p class="hint">The last one was rolled back: <Text of={doc.reason ?? ''} most={300} />.</p>}
              {doc.target && <p class="hint">To <Text of={doc.target} most={120} />.</p>}</Card>
            <Gate doc={doc} />
            {!!doc.history?.length && <Card title="Deployments so far"><History list={doc.history} /></Card>}
            {doc.sync && <Sync doc={doc.sync} />}
          </>
        )}
      </Shown>
    </>
  );
}

export function DeploymentCard() {
  return (
    <Card title="Deployment" more={href('deployment')}>
      <Shown of={useQuery<Deployed>('/api/deployments')}>
        {(doc) => (
          <>
            <Served doc={doc} />
            {doc.sync?.source && <SyncFigures doc={doc.sync} />}
            {doc.sync?.transferring && <Transfer of={doc.sync.transferring} />}
          </>
        )}
      </Shown>
    </Card>
  );
}
