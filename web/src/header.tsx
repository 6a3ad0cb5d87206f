/* The line that stays: is all well? */
import { useState } from 'preact/hooks';
import { logout, report, session } from './api';
import { ago, clock, count, duration, percent, plural, short, si } from './format';
import { connection, type Connection } from './live';
import { LevelTag, stateClass, stateWord } from './parts/level';
import { Absent, Field } from './parts/value';
import { Text } from './parts/text';
import type { Answer } from './query';
import { href } from './route';
import { openLogin } from './signin';
import { now, useCell } from './store';
import { nextTheme, theme } from './theme';
import type { Alert, Status, SystemState, Training } from './types';
import { known } from './format';

const CONNECTIONS: Record<Connection, [string, string]> = {
  connecting: ['wait', 'connecting'],
  live: ['ok', 'live'],
  lost: ['critical', 'connection lost, trying again'],
  paused: ['none', 'paused'],
  report: ['none', 'report'],
};

function Connected() {
  const c = useCell(connection);
  const [look, word] = CONNECTIONS[c];
  return (
    <span class="connection" role="status">
      <i class={`dot dot-${look}`} aria-hidden="true" />
      {report ? `report made ${clock(report.made_at, 0)}` : word}
    </span>
  );
}

function ThemeButton() {
  const t = useCell(theme);
  const sign = { auto: '◐', light: '○', dark: '●' }[t];
  return <button type="button" class="icon" onClick={nextTheme} title={`colours: ${t}`} aria-label={`colours: ${t}`}>{sign}</button>;
}

function SessionButton() {
  const s = useCell(session);
  if (report || !s) return null;
  return s.signed_in
    ? <button type="button" class="quiet-button" onClick={() => void logout()}>sign out</button>
    : <button type="button" class="quiet-button" onClick={() => openLogin()}>sign in</button>;
}

function Item({ label, children, sub, wide }: { label: preact.ComponentChildren; children: preact.ComponentChildren; sub?: preact.ComponentChildren; wide?: boolean }) {
  return (
    <div class={`item${wide ? ' wide' : ''}`}>
      <dt>{label}</dt>
      <dd>{children}{sub && <small>{sub}</small>}</dd>
    </div>
  );
}

/* A trainer that was killed says "training" for ever: what is old is marked as such. */
const STALE_SECONDS = 600;

function done(t?: Training | null): number | null {
  const step = t?.current_step, total = t?.total_steps;
  return known(step) && known(total) && total > 0 ? Math.min(1, step / total) : null;
}

function TrainingItems({ t, why }: { t?: Training | null; why?: string | null }) {
  const time = useCell(now);
  if (!t || (t.source === null && !known(t.current_step)))
    return <Item label="training"><span class="quiet" title={why ?? t?.source_reason ?? ''}>none was found</span></Item>;
  const share = done(t);
  const written = t.timestamp ? Date.parse(t.timestamp) : NaN;
  const running = t.status === 'training' || t.status === 'running';
  const stale = running && Number.isFinite(written) && time - written > STALE_SECONDS * 1000;
  return (
    <>
      <Item label={<>{stateWord(t.status ?? 'training')}{stale && <span class="c-warning"> · written {ago(t.timestamp, time)}</span>}</>}
        sub={<>of <Field of={t} name="total_steps" show={count} />{share !== null && ` · ${percent(share, 0)}`}</>}>
        <Field of={t} name="current_step" show={count} />
      </Item>
      <Item label="loss" sub={known(t.eval_loss) ? <span class="roomy">validation {short(t.eval_loss)}</span> : undefined}><Field of={t} name="loss" show={short} /></Item>
      <Item label="learning rate"><Field of={t} name="learning_rate" show={(x) => short(x, 3)} /></Item>
      <Item label="tokens/s"><Field of={t} name="tokens_per_second" show={si} /></Item>
      {t.status !== 'completed' && <Item label="time left"><Field of={t} name="eta_seconds" show={duration} /></Item>}
    </>
  );
}

function CheckpointItem({ s }: { s: Status }) {
  const time = useCell(now), c = s.newest;
  if (!c) return <Item label="last checkpoint"><Absent why={s.newest_reason ?? 'none was found yet'} /></Item>;
  const suite = c.suites?.[0];
  const graded = suite && suite.graded < suite.of ? `${count(suite.graded)} of ${count(suite.of)} graded` : ago(c.found_at, time);
  return (
    <Item label="last checkpoint" sub={graded} wide>
      <a href={href('checkpoints', { id: c.id })}><Text of={c.checkpoint} most={40} /></a>{' '}
      {c.state === 'ready' ? <LevelTag level={c.level} why={c.level_reason} />
        : <span class="tag level-warning" title={c.reason ?? ''}>{stateWord(c.state ?? '')}</span>}
    </Item>
  );
}

function DeployedItem({ s }: { s: Status }) {
  const time = useCell(now);
  return (
    <Item label="deployed" sub={s.deployed?.deployed_at ? ago(s.deployed.deployed_at, time) : undefined}>
      {s.deployed?.checkpoint ? <Text of={s.deployed.checkpoint} most={40} />
        : <span class="quiet" title={s.deployed_reason ?? ''}>nothing</span>}
    </Item>
  );
}

export function worst(alerts: Alert[]): Alert['level'] {
  const open = alerts.filter((a) => !a.cleared_at);
  return (['critical', 'warning', 'info'] as const).find((level) => open.some((a) => a.level === level)) ?? 'ok';
}

function AlertItem({ s }: { s: Status }) {
  const list = s.alerts ?? [], level = worst(list);
  return (
    <Item label="alerts">
      <a class={`alert-link level-${level}`} href={href('alerts')}>
        {(list.length > 0 || s.gradebook) && <LevelTag level={level} short />} {list.length ? plural(list.length, 'open alert') : 'none open'}
      </a>
    </Item>
  );
}

/* The ten there are: what the status does not name, this proctor does not have. */
const SYSTEMS = ['regression-monitor', 'model-comparison', 'confidence-calibrator', 'automated-testing', 'curriculum-optimizer',
  'adversarial-miner', 'self-correction', 'auto-deployment', 'data-generation', 'checkpoint-sync'];

function allSystems(known: SystemState[]): SystemState[] {
  const missing = SYSTEMS.filter((name) => !known.some((s) => s.name === name));
  return [...known, ...missing.map((name) => ({ name, state: 'not_installed', state_reason: 'it is not part of this version yet' }))];
}

function SystemStrip({ s }: { s: Status }) {
  const time = useCell(now);
  const [open, setOpen] = useState<string | null>(null);
  const list = allSystems(s.systems ?? []), chosen = list.find((x) => x.name === open);
  return (
    <div class="systems">
      <ul aria-label="systems">
        {list.map((x) => {
          const off = x.state === 'not_installed';
          return (
            <li class={off ? 'off' : ''}>
              <button type="button" aria-expanded={open === x.name} onClick={() => setOpen(open === x.name ? null : x.name)}
                title={x.state_reason ?? stateWord(x.state)}>
                <i class={`dot dot-${stateClass(x.state)}`} aria-hidden="true" />
                {x.name}<small class={off ? 'sr' : ''}>{off ? 'not installed' : x.state === 'ok' ? ago(x.last_run, time) : stateWord(x.state)}</small>
              </button>
            </li>
          );
        })}
      </ul>
      {chosen && (
        <p class="system-detail">
          <b>{chosen.name}</b> {stateWord(chosen.state)}
          {chosen.state_reason && <>: <Text of={chosen.state_reason} /></>}
          {' · '}{chosen.last_run ? `last ran ${clock(chosen.last_run, time)}` : 'did not run yet'}
          {chosen.active === false && chosen.state !== 'not_installed' && ' · does not run here now'}
        </p>
      )}
    </div>
  );
}

export function Header({ of }: { of: Answer<Status> }) {
  const s = of.doc;
  return (
    <header class="top">
      <div class="bar">
        <a class="brand" href={href('')} aria-label="proctor, overview"><span aria-hidden="true" class="brand-mark" /><h1>proctor</h1></a>
        {s ? (
          <dl class="items">
            <TrainingItems t={s.training} why={s.training_reason} />
            <CheckpointItem s={s} />
            <DeployedItem s={s} />
            <AlertItem s={s} />
          </dl>
        ) : <dl class="items"><Item label="status">{of.error ? 'no answer' : 'loading'}</Item></dl>}
        <div class="bar-end"><Connected /><SessionButton /><ThemeButton /></div>
      </div>
      {s && done(s.training) !== null && <progress class="thin" value={done(s.training)!} max={1} aria-label="training done" />}
      {s && <SystemStrip s={s} />}
    </header>
  );
}
