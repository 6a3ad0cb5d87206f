/* The one module that asks the server.  A page that `proctor report` wrote asks no server: it holds the
 * answers in a block, by their address, and everything above this module is the same. */
import type {} from './early'; // what it leaves on the window
import { cell } from './store';

export class ApiError extends Error {
  constructor(readonly status: number, readonly code: string, message: string) {
    super(message);
  }
}

/* ---- a report's own answers ---- */

export interface Report {
  made_at: string;
  version?: string;
  documents: Record<string, unknown>;
}

function readReport(): Report | null {
  const block = document.getElementById('proctor-report');
  if (!block?.textContent) return null;
  const given = JSON.parse(block.textContent) as Partial<Report>;
  return { made_at: given.made_at ?? '', version: given.version, documents: given.documents ?? {} };
}

export const report: Report | null = readReport();

/* What a report cannot know of: how wide the window is that it will be read in. */
const LOOSE = ['width', 'limit', 'smoothing', 'from', 'to'];

function loosely(url: string): string {
  const [path, query = ''] = url.split('?');
  const params = new URLSearchParams(query);
  for (const name of LOOSE) params.delete(name);
  params.sort();
  const rest = params.toString();
  return rest ? `${path}?${rest}` : path!;
}

let looseDocuments: Map<string, unknown> | null = null;

function fromReport(r: Report, url: string): unknown {
  if (url in r.documents) return r.documents[url];
  if (!looseDocuments) {
    looseDocuments = new Map();
    for (const [key, doc] of Object.entries(r.documents)) looseDocuments.set(loosely(key), doc);
  }
  const found = looseDocuments.get(loosely(url));
  if (found === undefined)
    throw new ApiError(404, 'not_in_report', 'this report does not hold it: ask the running proctor');
  return found;
}

/* ---- the session ---- */

export interface Session {
  signed_in: boolean;
  token_required: boolean;
}

/* null: not known yet. */
export const session = cell<Session | null>(report ? { signed_in: false, token_required: false } : null);
/* Somebody must sign in before anything can be read. */
export const locked = cell(false);

/* ---- GET ---- */

const kept = new Map<string, { etag: string; doc: unknown }>();
const MOST_KEPT = 100;

function keep(url: string, etag: string, doc: unknown): void {
  kept.delete(url);
  kept.set(url, { etag, doc });
  if (kept.size > MOST_KEPT) kept.delete(kept.keys().next().value!);
}

async function failure(answer: Response): Promise<ApiError> {
  let code = 'failed', message = `the server answered ${answer.status}`;
  try {
    const doc = (await answer.json()) as { error?: { code?: string; message?: string } };
    code = doc.error?.code ?? code;
    message = doc.error?.message ?? message;
  } catch {
    // Not proctor's own answer (a proxy's, perhaps): its status is all that is known.
  }
  return new ApiError(answer.status, code, message);
}

const askedBefore = new Set<string>();

/* An answer that early.ts asked for, if this is the first question of its kind: later it would be old. */
async function takeEarly(url: string, init: RequestInit): Promise<Response | null> {
  const answer = init.method || askedBefore.has(url) ? undefined : window.proctorEarly?.[url];
  askedBefore.add(url);
  return answer ? answer.catch(() => null) : null;
}

async function send(url: string, init: RequestInit): Promise<Response> {
  const early = await takeEarly(url, init);
  if (early) return early;
  try {
    return await fetch(url, { credentials: 'same-origin', redirect: 'error', ...init });
  } catch (e) {
    if (e instanceof DOMException && e.name === 'AbortError') throw e;
    throw new ApiError(0, 'unreachable', 'proctor does not answer');
  }
}

/* The same document object again where nothing changed, so that nothing is drawn anew. */
export async function get<T>(url: string, signal?: AbortSignal): Promise<T> {
  if (report) return fromReport(report, url) as T;
  const before = kept.get(url);
  const headers: Record<string, string> = { Accept: 'application/json' };
  if (before) headers['If-None-Match'] = before.etag;
  const answer = await send(url, { headers, signal, cache: 'no-store' });
  if (answer.status === 304 && before) {
    keep(url, before.etag, before.doc);
    return before.doc as T;
  }
  if (answer.status === 401) locked.set(true);
  if (!answer.ok) throw await failure(answer);
  const doc = (await answer.json()) as T;
  const etag = answer.headers.get('ETag');
  if (etag) keep(url, etag, doc);
  return doc;
}

/* ---- POST ---- */

export async function post(url: string, body: unknown): Promise<void> {
  const answer = await send(url, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', Accept: 'application/json' },
    body: JSON.stringify(body),
  });
  if (answer.ok) return;
  // An action needs a session even where reading does not: that is a dialog, not a locked page.
  throw await failure(answer);
}

export async function readSession(): Promise<void> {
  if (report) return;
  const s = await get<Session>('/api/session');
  session.set({ signed_in: s.signed_in, token_required: s.token_required });
  if (s.token_required && !s.signed_in) locked.set(true);
}

export async function login(token: string): Promise<void> {
  await post('/api/login', { token });
  kept.clear();
  locked.set(false);
  session.set({ token_required: session.get()?.token_required ?? false, signed_in: true });
}

export async function logout(): Promise<void> {
  await post('/api/logout', {});
  kept.clear();
  await readSession();
}

/* An address with those parameters that have a value. */
export function address(path: string, params: Record<string, string | number | null | undefined>): string {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(params))
    if (value !== null && value !== undefined && value !== '') query.set(name, String(value));
  const text = query.toString();
  return text ? `${path}?${text}` : path;
}
