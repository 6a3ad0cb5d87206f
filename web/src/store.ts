/* A value that components follow: all of the page's shared state is in such cells. */
import { useEffect, useReducer } from 'preact/hooks';

export interface Cell<T> {
  get(): T;
  set(value: T): void;
  on(listener: () => void): () => void;
}

export function cell<T>(value: T): Cell<T> {
  const listeners = new Set<() => void>();
  return {
    get: () => value,
    set(next) {
      if (Object.is(next, value)) return;
      value = next;
      for (const f of [...listeners]) f();
    },
    on(f) {
      listeners.add(f);
      return () => listeners.delete(f);
    },
  };
}

export function useCell<T>(c: Cell<T>): T {
  const [, again] = useReducer((n: number) => n + 1, 0);
  const seen = c.get();
  useEffect(() => {
    // It may have changed between being drawn and being listened to.
    if (!Object.is(seen, c.get())) again(0);
    return c.on(() => again(0));
  }, [c]);
  return c.get();
}

/* The time, for "3 min ago": one timer for all that show one. */
export const now = cell(Date.now());
/* stopped: the moment that a report shows; its ages stay what they were. */
export function runClock(stopped: number | null): void {
  if (stopped !== null) {
    now.set(stopped);
    return;
  }
  setInterval(() => {
    if (!document.hidden) now.set(Date.now());
  }, 5000);
}
