/* Text that was written elsewhere: see text.ts. */
import { useState } from 'preact/hooks';
import { bytes } from '../format';
import { head, pieces } from '../text';
import { useScrollable } from './scroll';

/* Within a line.  <bdi>: its direction ends where it ends. */
/* A document of another version may have something else than text there: it is shown, not tripped over. */
function asText(of: unknown): string {
  return typeof of === 'string' ? of : of === null || of === undefined ? '' : JSON.stringify(of);
}

export function Text({ of, most = 400 }: { of: string | null | undefined; most?: number }) {
  const text = asText(of);
  const shown = head(text, most);
  return (
    <bdi class="foreign">
      <Marked text={shown} />
      {shown.length < text.length && <span class="cut" title={`${bytes(text.length)} in all`}>…</span>}
    </bdi>
  );
}

export function Marked({ text }: { text: string }) {
  return (
    <>
      {pieces(text).map((p) => (p.mark ? <span class="mark" title={p.title}>{p.text}</span> : p.text))}
    </>
  );
}

const FIRST = 2000, MORE = 20000;

/* A block of its own, with line breaks; long ones are opened step by step. */
export function Block({ of, empty = 'empty' }: { of: string | null | undefined; empty?: string }) {
  const [most, setMost] = useState(FIRST);
  const ref = useScrollable<HTMLPreElement>();
  const text = asText(of);
  if (!text) return <span class="quiet">{empty}</span>;
  const shown = head(text, most);
  const left = text.length - shown.length;
  return (
    <>
      <pre class="block foreign" dir="auto" ref={ref}><Marked text={shown} /></pre>
      {left > 0 && (
        <button type="button" class="link" onClick={() => setMost(most + MORE)}>
          show more ({bytes(left)} left)
        </button>
      )}
      {most > FIRST && (
        <button type="button" class="link" onClick={() => setMost(FIRST)}>show less</button>
      )}
    </>
  );
}
