/* One example through the checkpoints: a slider over the steps, and what changed from one answer to the
 * next. */
import { useMemo, useState } from 'preact/hooks';
import { address } from '../api';
import { diff } from '../diff';
import { count, fixed, percent, plural, short } from '../format';
import { AnswerText, parts, Think } from '../parts/answer';
import { Empty, Shown } from '../parts/card';
import { Outcome } from '../parts/level';
import { Marked, Text } from '../parts/text';
import { Value } from '../parts/value';
import { useQuery } from '../query';
import { href } from '../route';
import { head, plain } from '../text';
import type { Example, ExampleAnswer } from '../types';

type Way = Example & { answers: ExampleAnswer[] };

const MOST_SHOWN = 20000;

/* Bounded by length here and by edits in diff.ts. */
function Difference({ from, to }: { from: string; to: string }) {
  const list = useMemo(() => diff(head(from, MOST_SHOWN), head(to, MOST_SHOWN)), [from, to]);
  const cut = from.length > MOST_SHOWN || to.length > MOST_SHOWN;
  return (
    <>
      <pre class="block foreign" dir="auto">
        {list.map((p) => (p.op === 'same' ? <Marked text={p.text} />
          : p.op === 'new' ? <ins><Marked text={p.text} /></ins> : <del><Marked text={p.text} /></del>))}
      </pre>
      {cut && <p class="hint">The first {count(MOST_SHOWN)} characters.</p>}
    </>
  );
}

/* Every answer a square: where it turned right or wrong is seen at once. */
function Strip({ answers, at, set }: { answers: ExampleAnswer[]; at: number; set: (i: number) => void }) {
  return (
    <div class="strip" aria-hidden="true">
      {answers.map((a, i) => (
        <i class={`${a.correct === true ? 'right' : a.correct === false ? 'wrong' : 'none'}${i === at ? ' at' : ''}`}
          title={`${plain(a.name)}: ${a.correct === true ? 'right' : a.correct === false ? 'wrong' : 'not decided'}`} onClick={() => set(i)} />
      ))}
    </div>
  );
}

function OneAnswer({ a, before, golden }: { a: ExampleAnswer; before?: ExampleAnswer; golden?: string | null }) {
  const [against, setAgainst] = useState<'before' | 'golden' | 'none'>('before');
  const own = parts(a), other = against === 'golden' ? golden ?? null : before ? parts(before).rest : null;
  const compared = against !== 'none' && other !== null && own.rest !== null && !a.texts_dropped && !(against === 'before' && before?.texts_dropped);
  return (
    <div class="one-answer">
      <div class="one-head">
        <a href={href('checkpoints', { id: a.checkpoint })}><Text of={a.name} most={60} /></a>
        <Outcome correct={a.correct} was={against === 'before' ? before?.correct : undefined} />
        <span class="quiet">confidence <Value v={a.confidence} show={(x) => percent(x)} why="nothing was generated" /></span>
        <span class="quiet">loss <Value v={a.loss} show={short} why="no loss" /></span>
        <span class="segmented" role="group" aria-label="compare with">
          {(['before', 'golden', 'none'] as const).map((k) => (
            <button type="button" aria-pressed={against === k} onClick={() => setAgainst(k)}>
              {{ before: 'changes', golden: 'against golden', none: 'plain' }[k]}
            </button>
          ))}
        </span>
      </div>
      {compared ? <>{own.think !== null && <Think text={own.think} closed={own.closed} />}<Difference from={other} to={own.rest!} /></> : <AnswerText of={a} />}
      {compared && other === own.rest && <p class="hint">{against === 'golden' ? 'the same as the golden answer' : `the same as at ${before ? plain(before.name) : 'before'}`}</p>}
    </div>
  );
}

function Steps({ of, checkpoint }: { of: Way; checkpoint?: number }) {
  const list = of.answers;
  const start = list.findIndex((a) => a.checkpoint === checkpoint);
  const [at, setAt] = useState(start >= 0 ? start : list.length - 1);
  const i = Math.min(at, list.length - 1), a = list[i];
  if (!a) return <Empty title="No checkpoint has answered it yet" />;
  const right = list.filter((x) => x.correct === true).length, judged = list.filter((x) => typeof x.correct === 'boolean').length;
  return (
    <>
      <div class="stepper">
        <label>
          <span>step <b class="num">{a.step === null ? '–' : count(a.step)}</b></span>
          <input type="range" min={0} max={list.length - 1} step={1} value={i}
            aria-valuetext={`${plain(a.name)}, ${a.correct === true ? 'right' : a.correct === false ? 'wrong' : 'not decided'}`}
            onInput={(e) => setAt(Number(e.currentTarget.value))} />
        </label>
        <span class="quiet num">{right} of {plural(judged, 'answer')} right ({fixed(judged ? (100 * right) / judged : null, 0)} %)</span>
      </div>
      <Strip answers={list} at={i} set={setAt} />
      <OneAnswer a={a} before={list[i - 1]} golden={of.golden} key={of.example} />
    </>
  );
}

export function Through({ digest, suite, run, checkpoint }: { digest: string; suite?: string; run?: string; checkpoint?: number }) {
  const a = useQuery<Way>(address(`/api/gradebook/examples/${encodeURIComponent(digest)}`, { suite, run }), { sources: ['gradebook'] });
  return <div class="through"><Shown of={a}>{(doc) => <Steps of={doc} checkpoint={checkpoint} />}</Shown></div>;
}
