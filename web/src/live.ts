/* The stream of events: says when something changed, and shows whether the connection lives.
 *
 * EventSource comes back by itself after a dropped connection, with the id of the last event it saw.
 * Where it gives up (the server answered with an error), a new one is made after a while, and
 * everything on the screen is asked for again: what happened meanwhile is not known. */
import { get, locked, report } from './api';
import { cell } from './store';

export type Connection = 'connecting' | 'live' | 'lost' | 'paused' | 'report';

export interface Changes {
  all: boolean; // everything may have changed
  documents: Set<string>;
  sources: Set<string>;
}

export const connection = cell<Connection>(report ? 'report' : 'connecting');

const listeners = new Set<(c: Changes) => void>();

export function onChanges(f: (c: Changes) => void): () => void {
  listeners.add(f);
  return () => listeners.delete(f);
}

/* ---- bursts become one ---- */

const GAP_MS = 400;
let pending: Changes | null = null;
let timer = 0;
let flushedAt = 0;

function note(change: Partial<Changes>): void {
  pending ??= { all: false, documents: new Set(), sources: new Set() };
  pending.all ||= change.all ?? false;
  change.documents?.forEach((d) => pending!.documents.add(d));
  change.sources?.forEach((s) => pending!.sources.add(s));
  if (!timer) timer = window.setTimeout(flush, Math.max(20, flushedAt + GAP_MS - Date.now()));
}

function flush(): void {
  const now = pending;
  timer = 0;
  pending = null;
  flushedAt = Date.now();
  if (now) for (const f of [...listeners]) f(now);
}

export function refetchAll(): void {
  note({ all: true });
}

/* ---- the stream ---- */

const FIRST_WAIT_MS = 500, LONGEST_WAIT_MS = 15000, QUIET_MS = 45000;
let source: EventSource | null = null;
let wait = FIRST_WAIT_MS;
let again = 0;
let greeted = false; // a later greeting means that events may have been missed
let heardAt = 0;

function heard(): void {
  heardAt = Date.now();
  wait = FIRST_WAIT_MS;
  connection.set('live');
}

/* Questions wait until it is known whether somebody must sign in first. */
let begin: () => void = () => undefined;
export const ready = new Promise<void>((done) => {
  begin = done;
  if (report) done();
});

/* They do not wait for the stream: what changed between an answer and the stream's beginning is asked
 * for again once the first answers are on the screen, which costs a 304 each where nothing did. */
const SETTLE_MS = 800;

function onHello(): void {
  heard();
  if (greeted) refetchAll();
  else window.setTimeout(refetchAll, SETTLE_MS);
  greeted = true;
}

function onChanged(e: MessageEvent<string>): void {
  heard();
  try {
    const data = JSON.parse(e.data) as { documents?: Record<string, string>; sources?: string[] };
    note({ documents: new Set(Object.keys(data.documents ?? {})), sources: new Set(data.sources ?? []) });
  } catch {
    refetchAll(); // an event that cannot be read still says that something happened
  }
}

function onReset(): void {
  heard();
  refetchAll();
}

function onError(): void {
  connection.set('lost');
  if (source?.readyState !== EventSource.CLOSED) return; // it tries again by itself
  source = null;
  window.clearTimeout(again);
  again = window.setTimeout(open, wait * (0.75 + Math.random() / 2));
  wait = Math.min(wait * 2, LONGEST_WAIT_MS);
}

function open(): void {
  window.clearTimeout(again);
  if (source || locked.get() || document.hidden) return;
  if (connection.get() === 'paused') connection.set('connecting');
  source = new EventSource('/api/events');
  source.addEventListener('hello', onHello);
  source.addEventListener('changed', onChanged as EventListener);
  source.addEventListener('reset', onReset);
  source.addEventListener('error', onError);
}

function close(): void {
  window.clearTimeout(again);
  source?.close();
  source = null;
}

function onVisibility(): void {
  if (document.hidden) {
    close();
    connection.set('paused');
  } else {
    wait = FIRST_WAIT_MS;
    open();
  }
}

/* A connection that died without a word (a laptop that slept) looks like a quiet one: after a while
 * without events the server is asked something cheap. */
async function checkQuiet(): Promise<void> {
  if (connection.get() !== 'live' || Date.now() - heardAt < QUIET_MS) return;
  try {
    await get('/api/status', AbortSignal.timeout?.(8000));
    heardAt = Date.now();
  } catch {
    close();
    connection.set('lost');
    open();
  }
}

export function runLive(): void {
  if (report) return;
  begin();
  document.addEventListener('visibilitychange', onVisibility);
  window.addEventListener('online', () => {
    close();
    open();
  });
  // A page that is left keeps no connection: a browser allows six to one server.
  window.addEventListener('pagehide', close);
  window.addEventListener('pageshow', open);
  locked.on(() => (locked.get() ? close() : open()));
  window.setInterval(checkQuiet, 10000);
  open();
}
