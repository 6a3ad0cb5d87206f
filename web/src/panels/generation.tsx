/* Data generation: the mix, what it wrote last and of what, and where these files are now. */
import { bytes, clock, count, plural } from '../format';
import { Card, Empty, Stat } from '../parts/card';
import { stateWord } from '../parts/level';
import { Scroll } from '../parts/scroll';
import { Text } from '../parts/text';
import { Absent, Field } from '../parts/value';
import { now, useCell } from '../store';
import type { Finding } from '../types';
import { Mix } from './mix';

type N = number | null;

interface Generated {
  file: string;
  made_at?: string;
  lines?: N;
  provenance?: { fresh?: N; hard?: N; corrections?: N; sources?: Record<string, { file: string; lines: number }[]> };
  counts?: Record<string, Record<string, number>>;
  duplicates_avoided?: N;
  contamination_avoided?: N;
  exhausted?: string[];
  queue?: string | null;
  queue_reason?: string;
}

export interface Generating extends Finding {
  reason?: string | null;
  waiting_files?: { counted?: N; min_files?: N; count?: string | null } | null;
  mix?: { weights?: Record<string, number>; source?: string; why?: string } | null;
  today?: { files?: N; lines?: N } | null;
  last_files?: Generated[] | null;
  disk?: { used_bytes?: N; limit_bytes?: N } | null;
}

const SHOWN = 10;

function Figures({ doc }: { doc: Generating }) {
  const w = doc.waiting_files;
  return (
    <dl class="stats">
      <Stat label="files that wait" sub={w && ` · at least ${count(w.min_files)} wanted`}><Field of={w} name="counted" show={count} /></Stat>
      <Stat label="written today" sub={doc.today && ` · ${plural(doc.today.lines, 'line')}`}><Field of={doc.today} name="files" show={count} /></Stat>
      <Stat label="room taken" sub={doc.disk && ` of ${bytes(doc.disk.limit_bytes)}`}><Field of={doc.disk} name="used_bytes" show={bytes} /></Stat>
    </dl>
  );
}

function skillsOf(f: Generated): string {
  return Object.entries(f.counts ?? {}).map(([skill, by]) => `${skill} ${count(Object.values(by).reduce((a, b) => a + b, 0))}`).join(', ');
}

function Made({ of: f }: { of: Generated }) {
  const p = f.provenance, parts = [[p?.fresh, 'fresh'], [p?.hard, 'hard'], [p?.corrections, 'corrections']] as const;
  const from = Object.values(p?.sources ?? {}).flat();
  return (
    <>
      {parts.filter(([n]) => n).map(([n, of]) => `${count(n)} ${of}`).join(', ') || 'nothing'}
      {from.length > 0 && <span class="sub">from {from.slice(0, 3).map((s) => <><Text of={s.file} most={80} /> ({count(s.lines)}) </>)}</span>}
    </>
  );
}

function Files({ list }: { list: Generated[] }) {
  const time = useCell(now);
  return (
    <Scroll label="files that were written">
      <table class="figures-table" aria-label="files that were written">
        <thead><tr>{['file', 'written', 'lines', 'made of', 'skills', 'left out', 'now in'].map((h) => <th scope="col">{h}</th>)}</tr></thead>
        <tbody>
          {[...list].reverse().slice(0, SHOWN).map((f) => (
            <tr>
              <th scope="row"><Text of={f.file} most={80} /></th>
              <td class="num">{clock(f.made_at, time)}</td>
              <td class="num">{count(f.lines)}</td>
              <td class="wide"><Made of={f} /></td>
              <td class="wide"><Text of={skillsOf(f)} most={200} /></td>
              <td class="num">{count((f.duplicates_avoided ?? 0) + (f.contamination_avoided ?? 0))}</td>
              <td>{f.queue ? stateWord(f.queue) : <Absent why={f.queue_reason} />}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </Scroll>
  );
}

export function Generation({ doc: g }: { doc: Generating }) {
  if (g.state === 'not_installed') return <Card title="Data generation"><Empty title="Not here">{g.state_reason}</Empty></Card>;
  if (!g.waiting_files) return <Card title="Data generation"><Empty title="Nothing written yet">{g.state_reason}</Empty></Card>;
  const files = g.last_files ?? [];
  return (
    <Card title="Data generation">
      <Figures doc={g} />
      {g.reason && <p class="hint">Nothing more is written: <Text of={g.reason} />.</p>}
      {g.mix?.weights && (
        <>
          <Mix weights={g.mix.weights} />
          <p class="hint">{g.mix.source === 'default' ? 'A third each: ' : 'By '}<Text of={g.mix.why} />.</p>
        </>
      )}
      {files.length ? <Files list={files} /> : <p class="hint">No file was written yet.</p>}
    </Card>
  );
}
