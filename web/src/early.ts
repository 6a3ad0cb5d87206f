/* The first answers, asked for while the page's script is still on its way: by the time it runs they are
 * there.  Small, and by itself; api.ts takes each of them once. */
import type { Session } from './api';
import type { Status } from './types';

declare global {
  interface Window {
    proctorEarly?: Record<string, Promise<Response>>;
  }
}

/* What the progress panel begins with, at the width that charts begin with. */
const PROGRESS = ['/api/gradebook/history?width=1000', '/api/curves', '/api/gradebook/suites', '/api/gradebook/runs'];

const ask = (url: string) => fetch(url, { credentials: 'same-origin', redirect: 'error', cache: 'no-store', headers: { Accept: 'application/json' } });
const session = ask('/api/session');
// Where somebody must sign in first the others would be refused, and without grades there is no history.
const status = session.then((a) => a.clone().json() as Promise<Session>)
  .then((s) => (s.signed_in || !s.token_required ? ask('/api/status') : Promise.reject(new Error('not signed in'))));
const graded = status.then((a) => a.clone().json() as Promise<Status>)
  .then((s) => (s.panels?.some((p) => p.id === 'progress') && s.newest ? undefined : Promise.reject(new Error('nothing yet'))));
const early: Record<string, Promise<Response>> = { '/api/session': session, '/api/status': status };
for (const url of PROGRESS) early[url] = graded.then(() => ask(url));
for (const answer of Object.values(early)) answer.catch(() => undefined); // whoever takes it asks again
window.proctorEarly = early;
