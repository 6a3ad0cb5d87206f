/* What may be wider or higher than its place: then, and only then, keys can reach and move it. */
import type { ComponentChildren, RefObject } from 'preact';
import { useEffect, useRef } from 'preact/hooks';

export function useScrollable<T extends HTMLElement>(): RefObject<T> {
  const ref = useRef<T>(null);
  useEffect(() => {
    const e = ref.current;
    if (!e) return undefined;
    const look = () => {
      if (e.scrollWidth > e.clientWidth || e.scrollHeight > e.clientHeight) e.tabIndex = 0;
      else e.removeAttribute('tabindex');
    };
    look();
    const seen = new ResizeObserver(look);
    seen.observe(e);
    if (e.firstElementChild) seen.observe(e.firstElementChild);
    return () => seen.disconnect();
  }, []);
  return ref;
}

export function Scroll({ label, children }: { label: string; children: ComponentChildren }) {
  return <div class="scroll" role="region" aria-label={label} ref={useScrollable<HTMLDivElement>()}>{children}</div>;
}
