/* The frame around everything: a heading, what belongs to it, and the states that any answer of a
 * server can be in. */
import type { ComponentChildren } from 'preact';
import type { Answer } from '../query';
import { plain } from '../text';

export function Card({ title, aside, children, class: extra = '', id, more }: {
  title: string; aside?: ComponentChildren; children: ComponentChildren; class?: string; id?: string; more?: string;
}) {
  return (
    <section class={`card ${extra}`} aria-label={title} id={id}>
      <header class="card-head">
        <h3>{more ? <a href={more}>{title}</a> : title}</h3>
        {aside && <div class="card-aside">{aside}</div>}
      </header>
      {children}
    </section>
  );
}

export function Empty({ children, title }: { children?: ComponentChildren; title: string }) {
  return (
    <div class="empty">
      <p class="empty-title">{title}</p>
      {children && <p>{children}</p>}
    </div>
  );
}

/* What is not there yet is no failure: a folder in which nothing was graded has no history. */
export function Failure({ of }: { of: { code: string; message: string } }) {
  if (of.code === 'not_found') return <Empty title="Nothing to show yet">{plain(of.message)}</Empty>;
  const away = of.code === 'unreachable';
  return (
    <div class="empty failure" role="status">
      <p class="empty-title">{away ? 'proctor does not answer' : 'This could not be read'}</p>
      <p>{away ? 'It is tried again by itself.' : plain(of.message)}</p>
    </div>
  );
}

export function Skeleton({ lines = 3 }: { lines?: number }) {
  return (
    <div class="skeleton" aria-busy="true">
      <span class="sr">loading</span>
      {Array.from({ length: lines }, () => <i />)}
    </div>
  );
}

/* What there is of an answer; its failure or its waiting where there is nothing yet. */
export function Shown<T>({ of, children, lines }: {
  of: Answer<T>; children: (doc: T) => ComponentChildren; lines?: number;
}) {
  if (of.doc) {
    return (
      <div class={of.loading ? 'is-old' : undefined} aria-busy={of.loading}>
        {of.error && <p class="notice" role="status">Not up to date: {plain(of.error.message)}</p>}
        {children(of.doc)}
      </div>
    );
  }
  if (of.error) return <Failure of={of.error} />;
  return of.loading ? <Skeleton lines={lines} /> : null;
}

export function Stat({ label, children, sub }: { label: string; children: ComponentChildren; sub?: ComponentChildren }) {
  return (
    <div class="stat">
      <dt>{label}</dt>
      <dd>{children}{sub && <small>{sub}</small>}</dd>
    </div>
  );
}
