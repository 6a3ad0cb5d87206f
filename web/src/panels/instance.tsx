/* An error with its question: what was right, what the model said, and what went wrong. */
import { Stat } from '../parts/card';
import { Text } from '../parts/text';

export interface Instanced {
  question?: string | null;
  golden?: string | null;
  model_answer?: string | null;
  why?: string | null;
}

export function Pair({ golden, given }: { golden?: string | null; given?: string | null }) {
  return (
    <dl class="stats pair">
      <Stat label="right"><Text of={golden} /></Stat>
      <Stat label="the model">{given ? <Text of={given} /> : <span class="quiet">no answer</span>}</Stat>
    </dl>
  );
}

export function Instance({ of: x }: { of: Instanced }) {
  return (
    <>
      {x.question && <span class="asked"><Text of={x.question} most={160} /></span>}
      {x.question && <span class="sub">right <b><Text of={x.golden} most={60} /></b>, the model <b>{x.model_answer ? <Text of={x.model_answer} most={60} /> : 'no answer'}</b></span>}
      <span class="sub"><Text of={x.why ?? ''} most={160} /></span>
    </>
  );
}
