/* What a model said: its thinking folded away, then the answer. */
import { count } from '../format';
import { splitThink } from '../text';
import type { Thinking } from '../types';
import { Block } from './text';

interface Said {
  output?: string | null;
  answer?: string | null;
  think?: Thinking | null;
  truncated?: boolean;
  texts_dropped?: boolean;
}

/* The server splits; where it gave the whole output alone, the same rule is applied here. */
export function parts(of: Said): { think: string | null; closed: boolean; rest: string | null } {
  const whole = of.output ?? null;
  const own = whole === null ? null : splitThink(whole);
  if (of.think) return { think: of.think.text, closed: of.think.closed, rest: own?.think != null ? own.rest : of.answer ?? whole };
  return { think: own?.think ?? null, closed: own?.closed ?? false, rest: own ? own.rest : of.answer ?? null };
}

export function AnswerText({ of }: { of: Said }) {
  if (of.texts_dropped) return <span class="quiet" title="texts of old answers are deleted, their grades are kept">text no longer kept</span>;
  const p = parts(of);
  return (
    <>
      {p.think !== null && <Think text={p.think} closed={p.closed} />}
      {p.rest === null ? <span class="quiet">{p.think === null ? 'no answer' : 'no answer after it'}</span> : <Block of={p.rest} empty={p.think !== null && !p.closed ? 'no answer after it' : 'empty'} />}
      {of.truncated && <span class="tag level-warning">cut off</span>}
    </>
  );
}

export function Think({ text, closed }: { text: string; closed: boolean }) {
  return (
    <details class="think">
      <summary>thinking · {count(text.length)} characters{!closed && <em class="c-warning"> · never closed</em>}</summary>
      <Block of={text} />
    </details>
  );
}
