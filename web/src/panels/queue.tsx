/* The queue: a traffic light with its reasons, what waits where, and what data generation wrote. */
import { bytes, count, duration, percent, plural } from '../format';
import { Card, Empty, Stat } from '../parts/card';
import { stateWord } from '../parts/level';
import { Text } from '../parts/text';
import { Field } from '../parts/value';
import type { Finding } from '../types';
import { byDifficulty } from './difficulty';

type N = number | null;

interface Reason {
  level: 'green' | 'yellow' | 'red';
  code: string;
  text: string;
  files?: string[];
}

interface Health {
  status: 'green' | 'yellow' | 'red';
  reasons?: Reason[];
  queues?: Record<string, { files: number; bytes: number; oldest_seconds?: N }>;
  waiting?: { files?: N; examples?: N; examples_reason?: string };
  unchecked?: number;
  hours_left?: N;
}

export interface Queue {
  health: Health;
  generation: Finding & { reason?: string | null; mix?: { weights?: Record<string, number>; source?: string } | null };
}

const LEVELS = { green: 'level-ok', yellow: 'level-warning', red: 'level-critical' };
const MARKS = { green: '✓', yellow: '▲', red: '◆' };

export function Light({ of }: { of: Health }) {
  return <span class={`tag ${LEVELS[of.status]}`}>{MARKS[of.status]} {of.status}</span>;
}

export function QueueFigures({ doc }: { doc: Queue }) {
  const h = doc.health;
  return (
    <dl class="stats">
      <Stat label="queue"><Light of={h} /></Stat>
      <Stat label="files that wait"><Field of={h.waiting} name="files" show={count} /></Stat>
      <Stat label="examples in them"><Field of={h.waiting} name="examples" show={count} /></Stat>
      <Stat label="lasts for"><Field of={h} name="hours_left" show={(x) => duration(x * 3600)} /></Stat>
    </dl>
  );
}

function Reasons({ list }: { list: Reason[] }) {
  return (
    <ul class="reasons">
      {list.map((r) => (
        <li><span class={`tag ${LEVELS[r.level]}`}>{MARKS[r.level]} {stateWord(r.code)}</span> <Text of={r.text} />{(r.files ?? []).length > 0 && <span class="quiet"> {r.files!.slice(0, 5).map((f) => <> <Text of={f} most={60} /></>)}</span>}</li>
      ))}
    </ul>
  );
}

function Folders({ of }: { of: Record<string, { files: number; bytes: number; oldest_seconds?: N }> }) {
  return (
    <div class="scroll">
      <table class="figures-table">
        <thead><tr>{['queue', 'files', 'size', 'oldest'].map((h) => <th scope="col">{h}</th>)}</tr></thead>
        <tbody>
          {Object.entries(of).map(([name, q]) => (
            <tr><th scope="row">{stateWord(name)}</th><td class="num">{count(q.files)}</td><td class="num">{bytes(q.bytes)}</td><td><Field of={q} name="oldest_seconds" show={duration} /></td></tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

export function QueueCards({ doc }: { doc: Queue }) {
  const h = doc.health, g = doc.generation, weights = g.mix?.weights;
  return (
    <>
      <Card title="Queue" aside={(h.unchecked ?? 0) > 0 && <>{plural(h.unchecked!, 'file')} not looked into yet</>}>
        <QueueFigures doc={doc} />
        <Reasons list={h.reasons ?? []} />
        <Folders of={h.queues ?? {}} />
      </Card>
      <Card title="Data generation">
        {g.state === 'not_installed' ? <Empty title="Not here">{g.state_reason}</Empty> : (
          <>
            <p><Text of={g.reason ?? g.state_reason ?? 'files are written as they are needed'} /></p>
            {weights && <p class="hint">Mix {byDifficulty(weights).map(([k, w]) => `${k} ${percent(w, 0)}`).join(', ')} {g.mix?.source && <>from <Text of={g.mix.source} /></>}</p>}
          </>
        )}
      </Card>
    </>
  );
}

