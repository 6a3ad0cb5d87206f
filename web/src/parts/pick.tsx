/* Fields to choose by. */
import { useEffect, useRef, useState } from 'preact/hooks';
import { address } from '../api';
import { count } from '../format';
import { useQuery } from '../query';
import { plain } from '../text';
import type { CheckpointRow, Page } from '../types';

export interface Choice {
  value: string;
  label: string;
}

export function Pick({ label, value, choices, onPick }: {
  label: string; value: string; choices: Choice[]; onPick: (v: string) => void;
}) {
  // What the address names and the list does not hold is still shown, not silently something else.
  const all = choices.some((c) => c.value === value) ? choices : [...choices, { value, label: value }];
  return (
    <label>{label}
      <select value={value} onChange={(e) => onPick(e.currentTarget.value)}>
        {all.map((c) => <option key={c.value} value={c.value}>{c.label}</option>)}
      </select>
    </label>
  );
}

export function choices(list: (string | null | undefined)[], any: string): Choice[] {
  return [{ value: '', label: any }, ...list.filter((x): x is string => !!x).map((x) => ({ value: x, label: plain(x) }))];
}

/* Newest first; older ones than the list holds are reached from the table of checkpoints. */
export function useCheckpoints(): CheckpointRow[] {
  const a = useQuery<{ checkpoints: CheckpointRow[] } & Page>(
    address('/api/checkpoints', { state: 'ready', limit: 200 }), { sources: ['gradebook'] });
  return a.doc?.checkpoints ?? [];
}

export function CheckpointPick({ label, value, list, none, onPick }: {
  label: string; value: string; list: CheckpointRow[]; none: string; onPick: (v: string) => void;
}) {
  return <Pick label={label} value={value} onPick={onPick} choices={[{ value: '', label: none },
    ...list.map((c) => ({ value: String(c.id), label: `${plain(c.name)}${c.step === null || c.step === undefined || c.name.endsWith(`-${c.step}`) ? '' : ` · step ${count(c.step)}`}` }))]} />;
}

/* Asks when the typing has paused. */
export function Search({ label, value, onSearch }: { label: string; value: string; onSearch: (v: string) => void }) {
  const [text, setText] = useState(value);
  const timer = useRef(0);
  useEffect(() => setText(value), [value]);
  const later = (v: string) => {
    setText(v);
    window.clearTimeout(timer.current);
    timer.current = window.setTimeout(() => onSearch(v), 300);
  };
  return (
    <label class="grow">{label}
      <input type="search" value={text} maxLength={200} spellcheck={false} onInput={(e) => later(e.currentTarget.value)} />
    </label>
  );
}
