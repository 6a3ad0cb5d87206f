/* What changed between two answers: words first, and letters where it is one short word.  Bounded:
 * the two texts may be a megabyte each and have nothing in common. */

export interface Part {
  op: 'same' | 'gone' | 'new';
  text: string;
}

const MOST_TOKENS = 4000;
const MOST_EDITS = 400; // Myers' memory grows with its square
const LETTERS = 80;

function words(text: string): string[] {
  return text.match(/[\p{L}\p{N}_]+|\s+|[^\p{L}\p{N}_\s]/gu) ?? [];
}

export function diff(a: string, b: string): Part[] {
  if (a === b) return a ? [{ op: 'same', text: a }] : [];
  const letters = a.length <= LETTERS && b.length <= LETTERS;
  const x = letters ? [...a] : words(a), y = letters ? [...b] : words(b);
  let start = 0, endX = x.length, endY = y.length;
  while (start < endX && start < endY && x[start] === y[start]) start++;
  while (endX > start && endY > start && x[endX - 1] === y[endY - 1]) {
    endX--;
    endY--;
  }
  const out: Part[] = [];
  push(out, 'same', x.slice(0, start).join(''));
  middle(x.slice(start, endX), y.slice(start, endY), out);
  push(out, 'same', x.slice(endX).join(''));
  return out;
}

function push(out: Part[], op: Part['op'], text: string): void {
  const last = out[out.length - 1];
  if (!text) return;
  if (last && last.op === op) last.text += text;
  else out.push({ op, text });
}

function middle(x: string[], y: string[], out: Part[]): void {
  const path = x.length + y.length <= MOST_TOKENS ? myers(x, y) : null;
  if (!path) {
    push(out, 'gone', x.join(''));
    push(out, 'new', y.join(''));
    return;
  }
  for (const [op, text] of path) push(out, op, text);
}

/* The greedy algorithm of Myers (1986): trace[d][k] is how far along x a path with d edits on
 * diagonal k gets.  null: more than MOST_EDITS are needed. */
function myers(x: string[], y: string[]): [Part['op'], string][] | null {
  const n = x.length, m = y.length, most = Math.min(n + m, MOST_EDITS);
  let v = new Map<number, number>([[1, 0]]);
  const trace: Map<number, number>[] = [];
  for (let d = 0; d <= most; d++) {
    trace.push(new Map(v));
    for (let k = -d; k <= d; k += 2) {
      const down = k === -d || (k !== d && (v.get(k - 1) ?? -1) < (v.get(k + 1) ?? -1));
      let i = down ? v.get(k + 1) ?? 0 : (v.get(k - 1) ?? 0) + 1;
      while (i < n && i - k < m && x[i] === y[i - k]) i++;
      v.set(k, i);
      if (i >= n && i - k >= m) return backtrack(trace, x, y);
    }
    v = new Map(v);
  }
  return null;
}

function backtrack(trace: Map<number, number>[], x: string[], y: string[]): [Part['op'], string][] {
  const out: [Part['op'], string][] = [];
  let i = x.length, j = y.length;
  for (let d = trace.length - 1; d >= 0; d--) {
    const v = trace[d]!, k = i - j;
    const down = k === -d || (k !== d && (v.get(k - 1) ?? -1) < (v.get(k + 1) ?? -1));
    const before = down ? k + 1 : k - 1, bi = v.get(before) ?? 0, bj = bi - before;
    while (i > bi && j > bj && i > 0 && j > 0) {
      out.push(['same', x[--i]!]);
      j--;
    }
    if (d === 0) break;
    if (down) out.push(['new', y[--j]!]);
    else out.push(['gone', x[--i]!]);
  }
  return out.reverse();
}
