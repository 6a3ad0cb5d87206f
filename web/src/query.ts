/* useQuery: an answer of the server that follows what it is made of. */
import { useEffect, useRef, useState } from 'preact/hooks';
import { ApiError, get, locked } from './api';
import { type Changes, onChanges, ready } from './live';
import { cell, type Cell } from './store';

export interface Answer<T> {
  doc: T | null; // the newest there is, also while another is on its way or after a failure
  url: string | null; // that `doc` came from
  error: ApiError | null;
  loading: boolean;
}

export interface Options {
  sources?: string[]; // of docs/api.md: what the answer depends on
  debounce?: number; // ms to wait for the address to come to rest
}

const RETRY_MS = [1000, 2000, 5000, 15000, 30000];
const NOTHING: Answer<never> = { doc: null, url: null, error: null, loading: true };

function worthRetrying(e: ApiError): boolean {
  return e.status === 0 || e.status === 429 || e.status >= 500;
}

/* One address being followed: fetches, refetches on change, retries, and can be stopped. */
class Follower<T> {
  private control: AbortController | null = null;
  private timer = 0;
  private tries = 0;
  private stopped = false;
  private offs: (() => void)[];

  constructor(
    readonly url: string, private options: Options, private tell: (a: Partial<Answer<T>>) => void,
  ) {
    this.offs = [onChanges((c) => this.concerns(c) && this.fetch()),
      locked.on(() => void (locked.get() || this.fetch()))];
    this.timer = window.setTimeout(() => this.fetch(), options.debounce ?? 0);
  }

  private concerns(c: Changes): boolean {
    const path = this.url.split('?')[0]!;
    const name = path.startsWith('/api/') ? path.slice(5) : path;
    return c.all || c.documents.has(name) || c.documents.has(path) ||
      (this.options.sources ?? []).some((s) => c.sources.has(s));
  }

  private async fetch(): Promise<void> {
    window.clearTimeout(this.timer);
    this.control?.abort();
    if (this.stopped || locked.get()) return;
    const control = (this.control = new AbortController());
    await ready;
    if (control.signal.aborted) return;
    try {
      const doc = await get<T>(this.url, control.signal);
      if (control.signal.aborted) return;
      this.tries = 0;
      this.tell({ doc, url: this.url, error: null, loading: false });
    } catch (e) {
      if (control.signal.aborted) return;
      const error = e instanceof ApiError ? e : new ApiError(0, 'failed', String(e));
      this.tell({ error, loading: false });
      // A server that is away is looked for by the stream of events: a dozen questions beside it help nobody.
      if (error.status === 0) this.tries = Math.max(this.tries, 2);
      if (worthRetrying(error))
        this.timer = window.setTimeout(() => this.fetch(), RETRY_MS[Math.min(this.tries++, RETRY_MS.length - 1)]);
    }
  }

  stop(): void {
    this.stopped = true;
    window.clearTimeout(this.timer);
    this.control?.abort();
    for (const off of this.offs) off();
  }
}

export function useQuery<T>(url: string | null, options: Options = {}): Answer<T> {
  const [answer, setAnswer] = useState<Answer<T>>(NOTHING);
  const opts = useRef(options);
  opts.current = options;
  useEffect(() => {
    if (!url) {
      setAnswer({ doc: null, url: null, error: null, loading: false });
      return;
    }
    setAnswer((a) => ({ ...a, loading: true, error: null }));
    const f = new Follower<T>(url, opts.current, (part) =>
      setAnswer((a) => {
        const next = { ...a, ...part };
        // What another address said is no answer to a question that was refused.
        if (part.error && !worthRetrying(part.error) && a.url !== url) next.doc = null;
        return next.doc === a.doc && next.error === a.error && next.loading === a.loading && next.url === a.url
          ? a : next;
      }));
    return () => f.stop();
  }, [url]);
  return answer;
}

/* The same for what the whole page shares. */
export function follow<T>(url: string, options: Options = {}): Cell<Answer<T>> {
  const c = cell<Answer<T>>(NOTHING);
  new Follower<T>(url, options, (part) => c.set({ ...c.get(), ...part }));
  return c;
}
