/* Numbers, times and intervals as people read them.  Everything takes null and gives "–": why a
 * number is not there is said beside it (parts/value.tsx), never guessed here. */

export const NONE = '–';
const MINUS = '−';

const grouping = new Intl.NumberFormat('en-US', { maximumFractionDigits: 0 });

export type Num = number | null | undefined;

export function known(x: unknown): x is number {
  return typeof x === 'number' && Number.isFinite(x);
}

/* A hyphen is no minus sign, and columns of both do not line up. */
function signed(text: string): string {
  return text.startsWith('-') ? MINUS + text.slice(1) : text;
}

export function count(x: Num): string {
  return known(x) ? signed(grouping.format(x)) : NONE;
}

export function fixed(x: Num, digits = 2): string {
  if (!known(x)) return NONE;
  const text = x.toFixed(digits);
  return Number(text) === 0 ? (0).toFixed(digits) : signed(text);
}

/* Four significant digits; small and large numbers in powers of ten, as learning rates are written. */
export function short(x: Num, digits = 4): string {
  if (!known(x)) return NONE;
  const size = Math.abs(x);
  if (size === 0) return '0';
  if (size < 1e-3 || size >= 1e6) {
    const [mantissa, exponent] = x.toExponential(Math.max(digits - 2, 1)).split('e');
    return signed(`${trimZeros(mantissa!)}e${exponent!.replace('+', '').replace('-', MINUS)}`);
  }
  return signed(size >= 10 ** digits ? grouping.format(x) : x.toPrecision(digits));
}

function trimZeros(text: string): string {
  return text.includes('.') ? text.replace(/\.?0+$/, '') : text;
}

export function percent(x: Num, digits = 1): string {
  return known(x) ? `${fixed(x * 100, digits)} %` : NONE;
}

/* A change always says its direction. */
export function change(x: Num, digits = 1, factor = 1): string {
  if (!known(x)) return NONE;
  const text = fixed(x * factor, digits);
  return x > 0 && Number(text.replace(MINUS, '-')) !== 0 ? `+${text}` : text;
}

export function interval(
  low: Num, high: Num, show: (x: number) => string = (x) => fixed(x, 3),
): string {
  return known(low) && known(high) ? `${show(low)} to ${show(high)}` : NONE;
}

export function pvalue(p: Num): string {
  if (!known(p)) return NONE;
  return p !== 0 && p < 0.001 ? short(p, 3) : fixed(p, 3);
}

const STEPS: [number, string][] = [[1e12, 'T'], [1e9, 'G'], [1e6, 'M'], [1e3, 'k']];

export function si(x: Num): string {
  if (!known(x)) return NONE;
  for (const [size, unit] of STEPS)
    if (Math.abs(x) >= size) return `${trimZeros(signed((x / size).toPrecision(3)))}${unit}`;
  return signed(Math.abs(x) < 1 && x !== 0 ? x.toPrecision(2) : trimZeros(x.toFixed(1)));
}

const BYTES = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'];

export function bytes(x: Num): string {
  if (!known(x)) return NONE;
  let unit = 0, value = x;
  while (Math.abs(value) >= 1024 && unit < BYTES.length - 1) {
    value /= 1024;
    unit++;
  }
  return `${signed(unit && Math.abs(value) < 100 ? value.toFixed(1) : value.toFixed(0))} ${BYTES[unit]}`;
}

export function duration(seconds: Num): string {
  if (!known(seconds)) return NONE;
  const s = Math.max(0, seconds);
  // What took time is never "0 s".
  if (s > 0 && s < 0.0005) return '<1 ms';
  if (s > 0 && s < 0.095) return `${Math.round(1000 * s)} ms`;
  if (s < 10) return `${trimZeros(s.toFixed(1))} s`;
  if (s < 120) return `${Math.round(s)} s`;
  const m = Math.floor(s / 60);
  if (m < 120) return `${m} min`;
  const h = Math.floor(s / 3600);
  if (h < 48) return `${h} h ${String(m % 60).padStart(2, '0')} min`;
  return `${Math.floor(h / 24)} d ${h % 24} h`;
}

export function ago(at: string | number | null | undefined, now: number): string {
  const ms = typeof at === 'number' ? at : at ? Date.parse(at) : NaN;
  if (!Number.isFinite(ms)) return NONE;
  const seconds = (now - ms) / 1000;
  if (seconds < -90) return `in ${duration(-seconds)}`;
  return seconds < 5 ? 'just now' : `${duration(seconds)} ago`;
}

/* Local time, and the day where it is not today's. */
export function clock(at: string | number | null | undefined, now: number): string {
  const date = new Date(at ?? NaN);
  if (!Number.isFinite(date.getTime())) return NONE;
  const two = (n: number) => String(n).padStart(2, '0');
  const time = `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
  const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
  return new Date(now).toDateString() === date.toDateString() ? time : `${day} ${time}`;
}

/* checkpoint-12000 is what people call step 12,000: in a tight place the number is enough. */
export function plural(n: Num, one: string, many = `${one}s`): string {
  return `${count(n)} ${n === 1 ? one : many}`;
}
