/* Text that a model, a file or a peer wrote, made safe to look at.  The page shows it as text nodes
 * only; what is left is what text itself can do: turn the reading direction around, hide, or look like
 * a terminal's colours.  Such characters become visible marks. */

export interface Piece {
  mark: boolean;
  text: string;
  title?: string; // of a mark: which character this is
}

const NAMES: Record<number, [string, string]> = {
  0x00ad: ['SHY', 'soft hyphen'],
  0x061c: ['ALM', 'Arabic letter mark'],
  0x180e: ['MVS', 'Mongolian vowel separator'],
  0x200b: ['ZWSP', 'zero width space'],
  0x200e: ['LRM', 'left-to-right mark'],
  0x200f: ['RLM', 'right-to-left mark'],
  0x2028: ['LS', 'line separator'],
  0x2029: ['PS', 'paragraph separator'],
  0x202a: ['LRE', 'left-to-right embedding'],
  0x202b: ['RLE', 'right-to-left embedding'],
  0x202c: ['PDF', 'pop directional formatting'],
  0x202d: ['LRO', 'left-to-right override'],
  0x202e: ['RLO', 'right-to-left override'],
  0x2060: ['WJ', 'word joiner'],
  0x2066: ['LRI', 'left-to-right isolate'],
  0x2067: ['RLI', 'right-to-left isolate'],
  0x2068: ['FSI', 'first strong isolate'],
  0x2069: ['PDI', 'pop directional isolate'],
  0xfeff: ['BOM', 'zero width no-break space'],
};

const C0 =
  'NUL SOH STX ETX EOT ENQ ACK BEL BS TAB LF VT FF CR SO SI DLE DC1 DC2 DC3 DC4 NAK SYN ETB CAN EM SUB ESC FS GS RS US'.split(' ');

/* Zero width (non-)joiners stay: emoji, Persian and the Indic scripts need them.
 * A tab and a line feed are layout that <pre> shows. */
const MARKED =
  /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u00ad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]|[\u{e0000}-\u{e0fff}]|[\ud800-\udfff]/gu;

function hex(code: number): string {
  return `U+${code.toString(16).toUpperCase().padStart(4, '0')}`;
}

function markOf(char: string): Piece {
  const code = char.codePointAt(0)!;
  const name = NAMES[code];
  if (name) return { mark: true, text: name[0], title: `${hex(code)} ${name[1]}` };
  if (code < 0x20) return { mark: true, text: C0[code]!, title: `control character ${hex(code)}` };
  if (code === 0x7f) return { mark: true, text: 'DEL', title: 'control character U+007F' };
  const kind = code >= 0xd800 && code <= 0xdfff ? 'half of a surrogate pair' : code < 0xa0 ? 'control character' : 'invisible character';
  return { mark: true, text: hex(code), title: `${kind} ${hex(code)}` };
}

/* A text of nothing but marks would be as many elements as it has characters: neighbours share one
 * where they are the same, and past this many the rest is one piece. */
const MOST_MARKS = 2000;

export function pieces(text: string): Piece[] {
  const out: Piece[] = [];
  let last = 0, marks = 0;
  for (const m of text.matchAll(MARKED)) {
    if (++marks > MOST_MARKS) break;
    if (m.index! > last) out.push({ mark: false, text: text.slice(last, m.index) });
    out.push(markOf(m[0]));
    last = m.index! + m[0].length;
  }
  if (last < text.length)
    out.push({ mark: false, text: marks > MOST_MARKS ? plain(text.slice(last)) : text.slice(last) });
  return out;
}

/* For titles, options and file names: marks in brackets. */
export function plain(text: string): string {
  return String(text).replace(MARKED, (c) => `[${markOf(c).text}]`);
}

/* Cut where no character is torn apart. */
export function head(text: string, most: number): string {
  if (text.length <= most) return text;
  const code = text.charCodeAt(most - 1);
  return text.slice(0, code >= 0xd800 && code <= 0xdbff ? most - 1 : most);
}

export interface Thought {
  think: string | null;
  closed: boolean;
  rest: string;
}

/* A think block counts at the start only, as the grader has it. */
export function splitThink(output: string): Thought {
  const m = /^\s*<think>/.exec(output);
  if (!m) return { think: null, closed: false, rest: output };
  const start = m[0].length, end = output.indexOf('</think>', start);
  if (end < 0) return { think: output.slice(start), closed: false, rest: '' };
  return { think: output.slice(start, end), closed: true, rest: output.slice(end + 8).replace(/^\s+/, '') };
}
