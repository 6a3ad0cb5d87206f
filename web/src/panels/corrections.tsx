/* Corrections: files validated on their way into the queue, what is wrong with those that wait, what the
 * newest checkpoint gets wrong of them, and the corrections that were written. */
import { clock, count, percent, plural } from '../format';
import { Card, Empty, Stat } from '../parts/card';
import { stateWord } from '../parts/level';
import { Scroll } from '../parts/scroll';
import { Text } from '../parts/text';
import { Absent, Field, Interval, Value } from '../parts/value';
import { now, useCell } from '../store';
import type { Finding } from '../types';
import { Instance, type Instanced } from './instance';

type N = number | null;
type Ci = [number, number] | null;
type Defects = Record<string, number>;

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
  report_reason?: string;
  examples?: Instanced[];
}

interface Done {
  at?: string;
  file: string;
  state: 'moved' | 'split' | 'rejected' | 'failed';
  to?: string | null;
  lines?: N;
  rejected_lines?: N;
  rejected?: string | null;
  original?: string | null;
  by_defect?: Defects;
  reason?: string;
}

interface Intake {
  files?: number;
  lines?: number;
  lines_rejected?: number;
  by_defect?: Defects;
}

interface Waiting {
  files?: N;
  files_with_findings?: N;
  lines?: N;
  refused_lines?: N;
  by_defect?: Defects;
  findings?: { file: string; refused_lines?: N; by_defect?: Defects; findings?: { line?: N; defect: string; text: string }[] }[];
}

export interface Correcting extends Finding {
  checkpoint?: string | null;
  validation?: (Intake & { unsettled?: N; total?: Intake; last_files?: Done[] }) | null;
  waiting_files?: Waiting | null;
  asking?: { examples?: N; max_examples?: N; nothing_added_because?: string | null } | null;
  asked?: N;
  answered?: N;
  errors?: N;
  error_rate?: N;
  error_rate_ci95?: Ci;
  right_by_the_verifier?: number;
  errors_without_text?: number;
  error_threshold?: number;
  groups?: Group[] | null;
  groups_in_all?: number;
  corrections_written?: { today?: N; total?: N; not_verified?: N; file?: string | null } | null;
}

const FILES = 10, FINDINGS = 3, GROUPS = 20;

export function CorrectingFigures({ doc }: { doc: Correcting }) {
  const ci = doc.error_rate_ci95, all = doc.validation?.total, written = doc.corrections_written;
  return (
    <dl class="stats">
      <Stat label="checkpoint">{doc.checkpoint ? <Text of={doc.checkpoint} most={60} /> : <Absent why={(doc.checkpoint_reason as string) ?? doc.state_reason} />}</Stat>
      <Stat label="answered of the queue" sub={doc.asked ? ` of ${count(doc.asked)}` : undefined}><Field of={doc} name="answered" show={count} /></Stat>
      <Stat label="wrong"><Field of={doc} name="error_rate" show={(x) => percent(x)} /><Interval low={ci?.[0]} high={ci?.[1]} show={(x) => percent(x)} /></Stat>
      <Stat label="corrections" sub={written && ` · ${count(written.today)} today`}><Field of={written} name="total" show={count} /></Stat>
      <Stat label="files validated"><Field of={all} name="files" show={count} /></Stat>
      <Stat label="lines refused" sub={all && ` of ${count(all.lines)}`}><Field of={all} name="lines_rejected" show={count} /></Stat>
    </dl>
  );
}

function DefectList({ of }: { of?: Defects }) {
  const list = Object.entries(of ?? {}).filter(([, n]) => n > 0).sort((a, b) => b[1] - a[1]);
  return <>{list.map(([kind, n]) => <span class="chip">{stateWord(kind)} <b class="num">{count(n)}</b></span>)}</>;
}

const BECAME = { moved: ['level-ok', '✓', 'moved on'], split: ['level-warning', '▲', 'split'], rejected: ['level-critical', '◆', 'refused'], failed: ['level-critical', '◆', 'not moved'] } as const;

function Became({ of: f }: { of: Done }) {
  const [level, mark, word] = BECAME[f.state] ?? ['level-none', '–', stateWord(f.state)];
  return (
    <>
      <span class={`tag ${level}`}><span aria-hidden="true">{mark}</span> {word}</span> {f.to && <Text of={f.to} most={120} />}
      {f.rejected && <span class="sub">refused lines in <Text of={f.rejected} most={120} /></span>}
      {f.reason && <span class="sub"><Text of={f.reason} most={300} /></span>}
    </>
  );
}

function Validated({ doc }: { doc: Correcting }) {
  const time = useCell(now), list = [...(doc.validation?.last_files ?? [])].reverse().slice(0, FILES), all = doc.validation?.total;
  if (!doc.validation) return <Card title="Files validated"><Empty title="None yet">{doc.state_reason}</Empty></Card>;
  return (
    <Card title="Files validated" aside={(doc.validation.unsettled ?? 0) > 0 && <>{plural(doc.validation.unsettled, 'file')} still being written</>}>
      {!list.length ? <Empty title="None yet">Files that are put into queue/unvalidated are looked at, line by line.</Empty> : (
        <Scroll label="files that were validated">
          <table class="figures-table" aria-label="files that were validated">
            <thead><tr>{['file', 'when', 'became', 'lines', 'refused', 'why'].map((h) => <th scope="col">{h}</th>)}</tr></thead>
            <tbody>
              {list.map((f) => (
                <tr>
                  <th scope="row" class="wide"><Text of={f.file} most={120} /></th>
                  <td class="num">{clock(f.at, time)}</td>
                  <td class="wide"><Became of={f} /></td>
                  <td class="num">{count(f.lines)}</td>
                  <td class="num">{count(f.rejected_lines)}</td>
                  <td class="wide"><DefectList of={f.by_defect} /></td>
                </tr>
              ))}
            </tbody>
          </table>
        </Scroll>
      )}
      {Object.keys(all?.by_defect ?? {}).length > 0 && <p class="hint defects">Refused in all: <DefectList of={all!.by_defect} /></p>}
    </Card>
  );
}

/* Files that wait already, in which something is wrong: they are left as they are. */
function Waits({ of: w }: { of: Waiting }) {
  const list = w.findings ?? [];
  if (!list.length) return null;
  return (
    <Card title="Wrong in files that wait" aside={<>{plural(w.files_with_findings, 'file')} of {count(w.files)}</>}>
      <ul class="events">
        {list.slice(0, FILES).map((f) => (
          <li>
            <Text of={f.file} most={120} /> <DefectList of={f.by_defect} />
            {(f.findings ?? []).slice(0, FINDINGS).map((x) => (
              <span class="sub">{typeof x.line === 'number' ? `line ${count(x.line)}: ` : ''}<Text of={x.text} most={240} /></span>
            ))}
          </li>
        ))}
      </ul>
    </Card>
  );
}

function Groups({ doc }: { doc: Correcting }) {
  const list = doc.groups ?? [], more = (doc.groups_in_all ?? list.length) - Math.min(list.length, GROUPS);
  return (
    <Card title="Errors by kind" aside={typeof doc.error_threshold === 'number' && <>corrected from {count(doc.error_threshold)} on</>}>
      {!list.length ? <Empty title="No error yet">{doc.state_reason ?? doc.asking?.nothing_added_because}</Empty> : (
        <Scroll label="errors by kind">
          <table class="figures-table" aria-label="errors by kind">
            <thead><tr>{['skill or file', 'pattern', 'errors', 'share', 'for instance', 'report'].map((h) => <th scope="col">{h}</th>)}</tr></thead>
            <tbody>
              {list.slice(0, GROUPS).map((g) => (
                <tr>
                  <th scope="row"><Text of={g.skill ?? g.file ?? '–'} most={60} /></th>
                  <td title={g.meaning}>{stateWord(g.pattern)}</td>
                  <td class="num">{count(g.count)}<span class="ci">of {count(g.asked)}</span></td>
                  <td><Value v={g.share} show={(x) => percent(x)} why={g.share_reason} /><Interval low={g.share_ci95?.[0]} high={g.share_ci95?.[1]} show={(x) => percent(x)} /></td>
                  <td class="wide"><Examples list={g.examples ?? []} /></td>
                  <td class="wide">{g.report ? <Text of={g.report} most={120} /> : <span class="quiet">too few errors</span>}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </Scroll>
      )}
      {more > 0 && <p class="hint">{plural(more, 'kind')} more in status/self_correction.json.</p>}
    </Card>
  );
}

function Examples({ list }: { list: Instanced[] }) {
  if (!list.length) return null;
  return (
    <>
      <Instance of={list[0]!} />
      {list.length > 1 && (
        <details class="fold more-examples">
          <summary>{plural(list.length - 1, 'example')} more</summary>
          {list.slice(1).map((x) => <div class="another"><Instance of={x} /></div>)}
        </details>
      )}
    </>
  );
}

export function Corrections({ doc }: { doc: Correcting }) {
  const unverified = doc.corrections_written?.not_verified ?? 0, accepted = doc.right_by_the_verifier ?? 0, gone = doc.errors_without_text ?? 0;
  if (doc.state === 'not_installed') return <Card title="Corrections"><Empty title="Not here">{doc.state_reason}</Empty></Card>;
  const notes = [accepted && `${count(accepted)} right by the skill’s verifier, so no errors`, gone && `${plural(gone, 'error')} whose text is not kept any more`,
    unverified && `${plural(unverified, 'correction')} not written: the verifier refuses the right answer`].filter(Boolean);
  return (
    <>
      <Card title="Corrections">
        <CorrectingFigures doc={doc} />
        {doc.state !== 'ok' && doc.state_reason && <p class="hint"><Text of={doc.state_reason} /></p>}
        {notes.length > 0 && <p class="hint">{notes.join(' · ')}</p>}
      </Card>
      <Validated doc={doc} />
      {doc.waiting_files && <Waits of={doc.waiting_files} />}
      {doc.groups && <Groups doc={doc} />}
    </>
  );
}
