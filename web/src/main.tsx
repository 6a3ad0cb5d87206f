/* The page: header, navigation, and the panel that the address names; without one, the overview. */
import { Component, type ComponentChildren, render } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import 'uplot/dist/uPlot.min.css';
import './style.css';
import { locked, readSession, report } from './api';
import { Header, worst } from './header';
import { runLive } from './live';
import { Empty, Failure, Skeleton } from './parts/card';
import { inOrder, panelOf } from './panels/table';
import { href, route } from './route';
import { LoginDialog, LoginPage } from './signin';
import { status } from './state';
import { now, runClock, useCell } from './store';
import { runTheme } from './theme';
import { ago } from './format';
import { plain } from './text';
import type { Status } from './types';

/* One panel that fails on a document it did not expect takes nothing else with it. */
class Guard extends Component<{ name: string; children: ComponentChildren }, { failed: string }> {
  override state = { failed: '' };

  override componentDidCatch(e: unknown): void {
    this.setState({ failed: e instanceof Error ? e.message : String(e) });
  }

  override render() {
    return this.state.failed
      ? <Failure of={{ code: 'failed', message: `${this.props.name}: ${this.state.failed}` }} /> : this.props.children;
  }
}

interface Listed {
  id: string;
  title: string;
}

function Nav({ panels, current }: { panels: Listed[]; current: string }) {
  return (
    <nav class="nav" aria-label="panels">
      <ul>
        {[{ id: '', title: 'Overview' }, ...panels].map((p) => (
          <li><a href={href(p.id)} aria-current={p.id === current ? 'page' : undefined}>{plain(p.title)}</a></li>
        ))}
      </ul>
    </nav>
  );
}

/* Before the first checkpoint: what is waited for. */
function Beginning({ s }: { s: Status }) {
  return (
    <section class="card" aria-label="Nothing was graded yet">
      <Empty title="Nothing was graded yet">
        {s.owner ? 'proctor watches' : 'Nothing watches'} <code>{plain(s.base_dir ?? 'this folder')}</code>{!s.owner && <>: start <code>proctor run</code> there</>}.
        A checkpoint that a trainer saves is graded on the examples in <code>data/validation</code> and appears here by itself;
        {' '}<code>proctor doctor</code> says what is missing.
      </Empty>
    </section>
  );
}

/* The charts are painted before the cells below them are made. */
function Overview({ panels, s }: { panels: Listed[]; s: Status }) {
  const [all, more] = useState(false);
  useEffect(() => {
    const later = window.setTimeout(() => requestAnimationFrame(() => more(true)), report ? 0 : 60);
    return () => window.clearTimeout(later);
  }, []);
  return (
    <>
      <h2 class="sr">Overview</h2>
      {!panels.some((p) => panelOf(p.id)?.wide) && <Beginning s={s} />}
      <div class="overview">
        {(all ? [true, false] : [true]).map((wide) => (
          <div class={wide ? 'wide' : 'cells'}>
            {panels.map((p) => {
              const entry = panelOf(p.id)!;
              return entry.card && !!entry.wide === wide && (
                <div class="cell" key={p.id}><Guard name={p.title}><entry.card /></Guard></div>
              );
            })}
          </div>
        ))}
      </div>
    </>
  );
}

function Machines({ s }: { s: Status }) {
  const time = useCell(now);
  const away = (s.machines ?? []).filter((m) => !m.self && !m.reachable);
  return (
    <>
      {away.map((m) => (
        <p class="notice" role="status">{plain(m.name)} is not reachable{m.reason ? `: ${plain(m.reason)}` : ''}{m.at ? ` (last seen ${ago(m.at, time)})` : ''}.</p>
      ))}
    </>
  );
}

function titleOf(s: Status | null): string {
  const level = worst(s?.alerts ?? []);
  const t = s?.training, step = t?.current_step, total = t?.total_steps;
  if (level === 'critical' || level === 'warning') return `● ${level} – proctor`;
  return step && total && step < total ? `${Math.floor((100 * step) / total)} % – proctor` : 'proctor';
}

function Page() {
  const answer = useCell(status), where = useCell(route), main = useRef<HTMLElement>(null);
  const s = answer.doc, panels: Listed[] = s ? inOrder(s.panels ?? []) : [];
  const entry = panels.some((p) => p.id === where.panel) ? panelOf(where.panel) : undefined;
  const first = useRef(true);
  useEffect(() => {
    document.title = titleOf(s);
  }, [s]);
  useEffect(() => {
    // A new panel is read from its top, also by who hears it; the first one is where the page began.
    if (!first.current) {
      main.current?.focus({ preventScroll: true });
      window.scrollTo(0, 0);
    }
    first.current = false;
  }, [where.panel]);
  return (
    <>
      <a class="skip" href="#main" onClick={(e) => {
        e.preventDefault();
        main.current?.focus();
      }}>Skip to the panel</a>
      <Header of={answer} />
      <Nav panels={panels} current={entry ? where.panel : ''} />
      <main id="main" ref={main} tabIndex={-1}>
        {!s ? (answer.error ? <Failure of={answer.error} /> : <Skeleton lines={8} />)
          : entry ? <Guard name={entry.id} key={entry.id}><entry.view /></Guard>
          : where.panel ? <Empty title={panelOf(where.panel) ? 'There is nothing to show in this panel yet' : 'There is no such panel here'}><a href={href('')}>To the overview</a></Empty>
          : <><Machines s={s} /><Overview panels={panels} s={s} /></>}
      </main>
      <LoginDialog />
      <AlertVoice s={s} />
    </>
  );
}

/* Says a new alert aloud, once. */
function AlertVoice({ s }: { s: Status | null }) {
  const newest = (s?.alerts ?? [])[0];
  return <div class="sr" role="status" aria-live="assertive">{newest ? `${newest.level}: ${plain(newest.text)}` : ''}</div>;
}

function Root() {
  return useCell(locked) ? <LoginPage /> : <Page />;
}

runTheme();
runClock(report ? Date.parse(report.made_at) || null : null);
readSession().catch(() => undefined).finally(() => {
  runLive();
  render(<Root />, document.getElementById('page')!);
});
