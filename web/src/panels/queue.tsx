/* The queue: a traffic light with its reasons, and what waits where. */
import { bytes, count, duration, plural } from '../format';
import { Card, Stat } from '../parts/card';
import { stateWord } from '../parts/level';
import { Scroll } from '../parts/scroll';
import { Text } from '../parts/text';
import { Absent, Field, Value } from '../parts/value';
import { now, useCell } from '../store';
import type { Generating } from './generation';

type N = number | null;

interface Reason {
  level: 'yellow' | 'red';
  code: string;
  text: string;
  files?: string[];
}

interface Folder {
  files: number;
  bytes: number;
  oldest_seconds?: N;
  oldest_seconds_reason?: string;
}

interface Throughput {
  examples_per_second?: N;
  tokens_per_second?: N;
  source?: string | null;
  source_reason?: string;
  estimated_from?: string;
}

interface Health {
  status: 'green' | 'yellow' | 'red';
  reasons?: Reason[];
  queues?: Record<string, Folder>;
  waiting?: { files?: N; bytes?: N; examples?: N; examples_reason?: string };
  unchecked?: number;
  throughput?: Throughput;
  hours_left?: N;
  hours_left_reason?: string;
}

export interface Queue {
  at: string;
  health: Health;
  generation: Generating;
}

/* As the files go, then what lies aside. */
const ORDER = ['unvalidated', 'high', 'normal', 'low', 'processing', 'recently_completed', 'failed', 'rejected', 'corrections'];
const LEVELS = { green: 'level-ok', yellow: 'level-warning', red: 'level-critical' };
const MARKS = { green: '✓', yellow: '▲', red: '◆' };
const FILES = 5;

export function Light({ of, children }: { of: 'green' | 'yellow' | 'red'; children?: string }) {
  return <span class={`tag ${LEVELS[of] ?? 'level-none'}`}><span aria-hidden="true">{MARKS[of] ?? '–'}</span> {children ?? stateWord(of)}</span>;
}

export function QueueFigures({ doc }: { doc: Queue }) {
  const h = doc.health;
  return (
    <dl class="stats">
      <Stat label="queue"><Light of={h.status} /></Stat>
      <Stat label="files that wait" sub={h.waiting?.bytes ? ` · ${bytes(h.waiting.bytes)}` : undefined}><Field of={h.waiting} name="files" show={count} /></Stat>
      <Stat label="examples in them"><Field of={h.waiting} name="examples" show={count} /></Stat>
      <Stat label="lasts for"><Field of={h} name="hours_left" show={(x) => duration(x * 3600)} /></Stat>
    </dl>
  );
}

/* At which rate, or why nobody knows: a dash alone would leave one wondering. */
function Rate({ of: h }: { of: Health }) {
  const t = h.throughput;
  if (typeof h.hours_left !== 'number') return <p class="hint">How long it lasts is not known: <Text of={h.hours_left_reason ?? 'no rate is known'} />.</p>;
  const rate = typeof t?.examples_per_second === 'number' ? `${count(t.examples_per_second)} examples` : `${count(t?.tokens_per_second)} tokens`;
  return <p class="hint">At {rate} a second (<Text of={t?.source ?? 'source not known'} most={80} />){t?.estimated_from && <>, estimated from <Text of={t.estimated_from} most={80} /></>}.</p>;
}

function Reasons({ list }: { list: Reason[] }) {
  return (
    <ul class="reasons" aria-label="reasons">
      {list.map((r) => {
        const files = r.files ?? [];
        return (
          <li>
            <Light of={r.level}>{stateWord(r.code)}</Light>
            <div>
              <Text of={r.text} most={600} />
              {files.length > 0 && (
                <p class="names">
                  {files.slice(0, FILES).map((f) => <span class="chip"><Text of={f} most={80} /></span>)}
                  {files.length > FILES && <span class="quiet"> and {count(files.length - FILES)} more</span>}
                </p>
              )}
            </div>
          </li>
        );
      })}
    </ul>
  );
}

function Folders({ of, at }: { of: Record<string, Folder>; at: string }) {
  const place = (name: string) => (ORDER.includes(name) ? ORDER.indexOf(name) : ORDER.length);
  const since = Math.max(0, (useCell(now) - Date.parse(at)) / 1000) || 0;
  return (
    <Scroll label="folders of the queue">
      <table class="figures-table" aria-label="folders of the queue">
        <thead><tr>{['queue', 'files', 'size', 'oldest'].map((h) => <th scope="col">{h}</th>)}</tr></thead>
        <tbody>
          {Object.entries(of).sort((a, b) => place(a[0]) - place(b[0])).map(([name, q]) => (
            <tr class={q.files ? undefined : 'quiet'}>
              <th scope="row">{stateWord(name)}</th>
              <td class="num">{count(q.files)}</td>
              <td class="num">{q.files ? bytes(q.bytes) : <Absent why="no file is there" />}</td>
              <td><Value v={typeof q.oldest_seconds === 'number' ? q.oldest_seconds + since : null} show={duration} why={q.oldest_seconds_reason} /></td>
            </tr>
          ))}
        </tbody>
      </table>
    </Scroll>
  );
}

export function QueueCard({ doc }: { doc: Queue }) {
  const h = doc.health;
  return (
    <Card title="Queue" aside={(h.unchecked ?? 0) > 0 && <>{plural(h.unchecked!, 'file')} not looked into yet</>}>
      <QueueFigures doc={doc} />
      {(h.reasons ?? []).length > 0 && <Reasons list={h.reasons!} />}
      <Rate of={h} />
      <Folders of={h.queues ?? {}} at={doc.at} />
    </Card>
  );
}
