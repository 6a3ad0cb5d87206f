/* Corrections: files validated on their way into the queue, what the newest checkpoint gets wrong of
 * what waits there, and the corrections that were written. */
import { count, percent, plural } from '../format';
import { Card, Empty, Stat } from '../parts/card';
import { stateWord } from '../parts/level';
import { Text } from '../parts/text';
import { Absent, Field, Interval, Value } from '../parts/value';
import type { Finding } from '../types';

type N = number | null;
type Ci = [number, number] | null;

interface Group {
  skill?: string | null;
  file?: string | null;
  pattern: string;
  meaning?: string;
  count: number;
  asked?: number;
  share?: N;
  share_ci95?: Ci;
  share_reason?: string;
  threshold_reached?: boolean;
  report?: string | null;
}

interface Intake {
  files?: number;
  moved?: number;
  split?: number;
  rejected?: number;
  failed?: number;
  lines?: number;
  lines_moved?: number;
  lines_rejected?: number;
}

export interface Correcting extends Finding {
  checkpoint?: string | null;
  validation?: (Intake & { by_defect?: Record<string, number>; total?: Intake }) | null;
  asked?: N;
  answered?: N;
  errors?: N;
  error_rate?: N;
  error_rate_ci95?: Ci;
  error_threshold?: number;
  groups?: Group[] | null;
  corrections_written?: { today?: N; total?: N; not_verified?: N; file?: string | null } | null;
}

export function CorrectingFigures({ doc }: { doc: Correcting }) {
  const ci = doc.error_rate_ci95, all = doc.validation?.total;
  return (
    <dl class="stats">
      <Stat label="checkpoint">{doc.checkpoint ? <Text of={doc.checkpoint} most={60} /> : <Absent why={doc.checkpoint_reason as string} />}</Stat>
      <Stat label="asked of the queue"><Field of={doc} name="asked" show={count} /></Stat>
      <Stat label="wrong"><Field of={doc} name="error_rate" show={(x) => percent(x)} /><Interval low={ci?.[0]} high={ci?.[1]} show={(x) => percent(x)} /></Stat>
      <Stat label="corrections" sub={<> today {count(doc.corrections_written?.today)}</>}><Field of={doc.corrections_written} name="total" show={count} /></Stat>
      <Stat label="files validated"><Field of={all} name="files" show={count} /></Stat>
      <Stat label="lines refused" sub={<> of {count(all?.lines)}</>}><Field of={all} name="lines_rejected" show={count} /></Stat>
    </dl>
  );
}

function Groups({ doc }: { doc: Correcting }) {
  const list = doc.groups ?? [];
  return (
    <Card title="Errors by kind" aside={<>corrected from {count(doc.error_threshold)} on</>}>
      {!list.length ? <Empty title="No error yet">{doc.state_reason}</Empty> : (
        <div class="scroll">
          <table class="figures-table">
            <thead><tr>{['skill or file', 'pattern', 'errors', 'share', 'report'].map((h) => <th scope="col">{h}</th>)}</tr></thead>
            <tbody>
              {list.map((g) => (
                <tr>
                  <th scope="row"><Text of={g.skill ?? g.file ?? '–'} most={60} /></th>
                  <td title={g.meaning}>{stateWord(g.pattern)}</td>
                  <td class="num">{count(g.count)}<span class="ci">of {count(g.asked)}</span></td>
                  <td><Value v={g.share} show={(x) => percent(x)} why={g.share_reason} /><Interval low={g.share_ci95?.[0]} high={g.share_ci95?.[1]} show={(x) => percent(x)} /></td>
                  <td>{g.report ? <Text of={g.report} most={80} /> : <span class="quiet">not enough errors</span>}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </Card>
  );
}

export function Corrections({ doc }: { doc: Correcting }) {
  const defects = Object.entries(doc.validation?.by_defect ?? {}).sort((a, b) => b[1] - a[1]);
  if (doc.state === 'not_installed') return <Card title="Corrections"><Empty title="Not here">{doc.state_reason}</Empty></Card>;
  return (
    <>
      <Card title="Corrections" aside={doc.corrections_written?.file && <Text of={doc.corrections_written.file} most={80} />}>
        <CorrectingFigures doc={doc} />
        {doc.state !== 'ok' && doc.state_reason && <p class="hint"><Text of={doc.state_reason} /></p>}
        {defects.length > 0 && <p class="hint">Refused lately: {defects.map(([k, n]) => `${stateWord(k)} ${plural(n, 'line')}`).join(', ')}</p>}
      </Card>
      <Groups doc={doc} />
    </>
  );
}
