/* Verdicts and states: a sign, a colour and a word, so that none of them is needed alone. */
import { plain } from '../text';

const LEVELS: Record<string, [string, string]> = {
  ok: ['✓', 'ok'],
  info: ['●', 'info'],
  warning: ['▲', 'warning'],
  critical: ['◆', 'critical'],
};

export function LevelTag({ level, why, short }: { level?: string | null; why?: string | null; short?: boolean }) {
  const [sign, word] = LEVELS[level ?? ''] ?? ['–', 'not judged'];
  return (
    <span class={`tag level-${LEVELS[level ?? ''] ? level : 'none'}`} title={why ? plain(why) : undefined}>
      <span aria-hidden="true">{sign}</span> {short ? <span class="sr">{word}</span> : word}
    </span>
  );
}

/* Of an answer. */
export function Outcome({ correct, was }: { correct?: boolean | null; was?: boolean | null }) {
  const now = correct === true ? ['✓', 'right', 'right'] : correct === false ? ['✗', 'wrong', 'wrong'] : ['–', 'not decided', 'none'];
  const turn = was === undefined || was === null || was === correct || correct === null || correct === undefined
    ? '' : correct ? 'gained' : 'lost';
  return (
    <span class={`tag outcome-${now[2]}`}>
      <span aria-hidden="true">{now[0]}</span> {now[1]}
      {turn && <em class={`turn-${turn}`}> · {turn}</em>}
    </span>
  );
}

const STATES: Record<string, string> = {
  ok: 'ok', running: 'busy', grading: 'busy', waiting: 'wait', failed: 'critical',
  not_installed: 'none', disabled: 'none', off: 'none', stopped: 'none',
};

export function stateClass(state: string): string {
  return STATES[state] ?? 'wait';
}

export function stateWord(state: string): string {
  return plain(state).replace(/_/g, ' ');
}
