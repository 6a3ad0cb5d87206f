/* A number, or the dash with the reason why there is none; never an empty place. */
import type { ComponentChildren } from 'preact';
import { known, NONE, type Num } from '../format';
import { plain } from '../text';

interface Props {
  v: Num;
  show: (x: number) => string;
  why?: string | null;
  unit?: ComponentChildren;
  title?: string;
}

export function Value({ v, show, why, unit, title }: Props) {
  if (known(v)) return <span class="num" title={title}>{show(v)}{unit}</span>;
  return <Absent why={why} />;
}

export function Absent({ why }: { why?: string | null }) {
  const reason = plain(why || 'not known');
  return (
    <span class="absent" title={reason}>
      <span aria-hidden="true">{NONE}</span>
      <span class="sr">not known: {reason}</span>
    </span>
  );
}

/* A field of a document with its `<name>_reason`. */
export function Field({ of, name, show, unit }: {
  of: object | null | undefined; name: string; show: (x: number) => string; unit?: ComponentChildren;
}) {
  const o = (of ?? {}) as Record<string, unknown>;
  return <Value v={o[name] as Num} show={show} unit={unit} why={o[`${name}_reason`] as string | undefined} />;
}

/* The interval belongs to the number: smaller, beside or below it. */
export function Interval({ low, high, show, why }: {
  low: Num; high: Num; show: (x: number) => string; why?: string | null;
}) {
  if (!known(low) || !known(high)) return why ? <span class="ci" title={plain(why)}>no interval</span> : null;
  return <span class="ci" title="95 % interval"><span class="sr">95 % interval </span>{show(low)} – {show(high)}</span>;
}
