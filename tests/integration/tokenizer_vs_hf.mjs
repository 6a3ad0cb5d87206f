// Compares our tokenizer with Hugging Face's own code (npm package `tokenizers`) on random text.
// ONLY=name takes the made tokenizers with that in their name; ALL=1 gives each all characters.
//   node tokenizer_vs_hf.mjs PROGRAM MODULES STRINGS SEED [tokenizer.json…]
// PROGRAM is bench_tokenizer_lines; MODULES the folder whose node_modules holds `tokenizers`.
// Besides the files it makes small tokenizers, one for each component and option.  Exit status 1 and
// the first differences when there are any.
import {createRequire} from 'node:module';
import {spawnSync} from 'node:child_process';
import {readFileSync, writeFileSync, mkdtempSync, rmSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';

const [program, modules, count, seed, ...files] = process.argv.slice(2);
const require = createRequire(join(modules, '/'));
const {Tokenizer} = require('tokenizers');

// ---- random text -----------------------------------------------------------------------------
let state = BigInt(seed) * 0x9e3779b97f4a7c15n & 0xffffffffffffffffn || 1n;
function below(n) {
  state ^= state << 13n & 0xffffffffffffffffn;
  state ^= state >> 7n;
  state ^= state << 17n & 0xffffffffffffffffn;
  return Number(state % BigInt(n));
}
const pick = list => list[below(list.length)];
const spaces = [' ', '  ', '     ', '\n', '\n\n', '\r\n', '\r', '\t', ' \n ', '\u00a0', '\u0085',
  '\u2028', '\u2029', '\u3000', '\u180e', '\u200b', '\u200c', '\u200d', '\ufeff', '\v', '\f', '\u1680',
  '\u2003', '\u202f', '\u205f', '\x1c', '\x1f'];
const words = ['the', 'The', ' cat', 'HELLO', 'don', "'t", "'S", "'re", "'VE", "'ll", "'lL", "'\u017f",
  "'", "''", '\u212a', '\u017f', 'ß', 'İ', 'ı', 'ǅ', 'ʰ', 'naïve', 'e\u0301', 'e\u0301\u0327', 'ﬁ', 'ﬆ',
  'Å', '\u212b', '한국어', '\u1112\u1161\u11ab', '中文', '日本語テキスト', 'Привет', 'ελληνικάς', 'עברית',
  'العربية', 'हिन्दी', 'ไทย', 'ကမ္ဘာ', '𝔘𝔫𝔦', '①②', 'Ⅷ', '½', '²', '٣', '১২', '😀', '👩‍👩‍👧', '🇩🇪', '👍🏽',
  '0', '12', '123', '1234', '3.14', '1,000', '_', '__x', 'a_b', '.', '...', '!?', '--', '/', '//', '\\',
  '#', '@', '{}', '();', '<', '>', '|', '<|', '|>', '<unk>', '<0x41>', '▁', '▁▁the', '„“', '—', '€', '™',
  '\u0338', '\u0345', '\u0334', '\u3099', 'か\u3099', '\u0f73', '\u11127\u1112b', '\ud804\udd31\ud804\udd27',
  '\x00', '\x01', '\x7f', '\ufffd', '\ufffe', '\u{10ffff}', '\u{e0001}', 'Ġ', 'Ċ', 'ÿ', '\u0378'];
let specials = [];
function anyChar() {
  const top = pick([0x80, 0x250, 0x3000, 0xffff, 0x1ffff, 0x323af, 0x10ffff]);
  const c = below(top + 1);
  return c >= 0xd800 && c <= 0xdfff ? 'x' : String.fromCodePoint(c);
}
function text() {
  let s = '';
  for (let n = below(pick([3, 12, 40])); n >= 0; n--) {
    switch (below(9)) {
    case 0: case 1: s += pick(spaces); break;
    case 2: s += anyChar(); break;
    case 3: s += specials.length ? pick(specials) : pick(words); break;
    case 4: s += pick(words).repeat(1 + below(4)); break;
    case 5: s += String.fromCharCode(33 + below(94)).repeat(1 + below(3)); break;
    default: s += pick(words);
    }
  }
  return s;
}

// ---- small tokenizers, one for each component ------------------------------------------------
const chars = [...' abcdefghtelo▁\n\t.,\'!ABHE012é中', '<unk>', '<pad>'];
const merged = [['t', 'h'], ['th', 'e'], ['h', 'e'], ['l', 'l'], ['he', 'll'], ['hell', 'o'], ['▁', 'the'],
  ['▁', 'a'], ['c', 'a'], ['ca', 't'], ['▁', '▁'], ['a', 'b'], ['0', '1'], ['!', '!']];
function model(more = {}, extra = []) {
  const vocab = {};
  for (const t of [...chars, ...merged.map(m => m.join('')), ...extra]) vocab[t] ??= Object.keys(vocab).length;
  return {type: 'BPE', dropout: null, unk_token: '<unk>', continuing_subword_prefix: null,
    end_of_word_suffix: null, fuse_unk: false, byte_fallback: false, ignore_merges: false, vocab,
    merges: merged, ...more};
}
const bytes = Array.from({length: 256}, (_, b) => '<0x' + b.toString(16).toUpperCase().padStart(2, '0') + '>');
function made(name, parts) {
  return [name, JSON.stringify({version: '1.0', truncation: null, padding: null, added_tokens: [],
    normalizer: null, pre_tokenizer: null, post_processor: null, decoder: null, model: model(), ...parts})];
}
const added = (content, flags = {}) => ({id: 0, content, single_word: false, lstrip: false, rstrip: false,
  normalized: false, special: false, ...flags});
const split = (pattern, behavior, invert = false) => ({type: 'Split', pattern, behavior, invert});
const behaviors = ['Removed', 'Isolated', 'MergedWithPrevious', 'MergedWithNext', 'Contiguous'];
const regexes = ['\\s+', '\\w+', '\\W', '\\d', '\\D+', '[^\\s\\w]+', '\\p{P}', '\\p{Lu}', '\\P{L}+', '.', '$', '^', 'a*',
  '(?i)the|K', '[[:punct:]]', '\\p{Han}+', '\\h+', '[\\p{L}\\p{M}]+', '\\b', '(?m:.)+', "'(?i:[sdmt]|ll|ve|re)",
  '[^\\r\\n\\p{L}\\p{N}]?+\\p{L}+|\\p{N}{1,3}+| ?[^\\s\\p{L}\\p{N}]++[\\r\\n]*|\\s*[\\r\\n]|\\s+(?!\\S)|\\s+',
  '[a-c[e-g]]', '\\p{Alpha}+', '\\p{Greek}', '\\p{Script=Han}', '\\x41', '\\u4e2d', '(a)(?=b)', '\\p{Upper}', '\\p{Lower}',
  '[\\S]+', '[\\W]', '[\\D]', '\\S', '\\p{Sc}', '\\p{^L}', '\\v', '[^a-z]', '\\p{Word}', '\\p{Alnum}', '\\R', '\\p{S}', '[\\P{L}]',
  ' {2,}', 'a{,2}', '\\A.', '.\\z', '(?<=t)h', '\\p{Z}', '\\p{C}', '\\p{Cn}', '\\p{Punct}', '\\p{Graph}+', '[[:space:]]', '[[:alpha:]]+', '[[:word:]]+', '[[:^punct:]]', '[[:graph:]]', '[[:print:]]+', '[[:xdigit:]]', '[[:blank:]]', '[[:cntrl:]]', '[\\P{Lu}]', '\\B', '\\p{Any}', '(?i:straSSe|ǆ)', '[^\\W_]+', '\\p{Hiragana}|\\p{Cyrillic}+'];
const small = [
  made('plain', {}),
  made('fuse_unk', {model: model({fuse_unk: true})}),
  made('no unk', {model: model({unk_token: null})}),
  made('byte_fallback', {model: model({byte_fallback: true, fuse_unk: true}, bytes), decoder: {type: 'Sequence',
    decoders: [{type: 'Replace', pattern: {String: '▁'}, content: ' '}, {type: 'ByteFallback'}, {type: 'Fuse'},
      {type: 'Strip', content: ' ', start: 1, stop: 0}]}, normalizer: {type: 'Sequence', normalizers: [
      {type: 'Prepend', prepend: '▁'}, {type: 'Replace', pattern: {String: ' '}, content: '▁'}]}}),
  made('byte_fallback with holes', {model: model({byte_fallback: true}, bytes.slice(0, 200))}),
  made('ignore_merges', {model: model({ignore_merges: true}, ['hello', 'hello▁', 'thecat'])}),
  made('prefix', {model: {...model({continuing_subword_prefix: '##'}, ['##a', '##b', '##t', '##h', 'a##b', 'ab', 'th']), merges: [['t', '##h'], ['a', '##b']]}}),
  made('suffix', {model: {...model({end_of_word_suffix: '</w>'}, ['a</w>', 'b</w>', 'ab</w>', '.</w>', 'e</w>', 'the</w>']), merges: [['a', 'b</w>'], ['t', 'h'], ['th', 'e</w>']]}, pre_tokenizer: {type: 'Whitespace'}, decoder: {type: 'BPEDecoder', suffix: '</w>'}}),
  ...['first', 'always', 'never'].flatMap(s => [true, false].map(sp => made(`Metaspace ${s} ${sp}`, {
    pre_tokenizer: {type: 'Metaspace', replacement: '▁', prepend_scheme: s, split: sp},
    decoder: {type: 'Metaspace', replacement: '▁', prepend_scheme: s, split: sp},
    added_tokens: [added('<x>'), added('<pad>', {special: true})]}))),
  ...['NFC', 'NFD', 'NFKC', 'NFKD', 'Lowercase', 'StripAccents', 'Nmt', 'ByteLevel'].filter(n => n != 'Nmt').map(n => made(n, {normalizer: {type: n},
    model: model({byte_fallback: true}, bytes)})),
  made('Strip', {normalizer: {type: 'Strip', strip_left: true, strip_right: true}, model: model({byte_fallback: true}, bytes)}),
  made('Strip left', {normalizer: {type: 'Strip', strip_left: true, strip_right: false}, pre_tokenizer: {type: 'Metaspace', replacement: '▁', prepend_scheme: 'first'}, added_tokens: [added('<x>')]}),
  made('Replace regex', {normalizer: {type: 'Replace', pattern: {Regex: '\\s+|e'}, content: 'th'}, model: model({byte_fallback: true}, bytes)}),
  made('Digits', {pre_tokenizer: {type: 'Digits', individual_digits: true}, model: model({byte_fallback: true}, bytes)}),
  made('Digits together', {pre_tokenizer: {type: 'Digits', individual_digits: false}}),
  ...behaviors.map(b => made('Punctuation ' + b, {pre_tokenizer: {type: 'Sequence', pretokenizers: [{type: 'Punctuation', behavior: b},
    {type: 'Metaspace', replacement: '▁', prepend_scheme: 'always', split: false}]}, model: model({byte_fallback: true}, bytes)})),
  made('Whitespace', {pre_tokenizer: {type: 'Whitespace'}, model: model({byte_fallback: true}, bytes)}),
  made('WhitespaceSplit', {pre_tokenizer: {type: 'WhitespaceSplit'}, model: model({byte_fallback: true}, bytes)}),
  made('BertPreTokenizer', {pre_tokenizer: {type: 'BertPreTokenizer'}}),
  made('FixedLength', {pre_tokenizer: {type: 'FixedLength', length: 3}}),
  ...behaviors.flatMap(b => [false, true].map(i => made(`Split ${b} ${i}`, {
    pre_tokenizer: split({Regex: '[the]|\\s'}, b, i)}))),
  ...behaviors.map(b => made(`Split empty ${b}`, {pre_tokenizer: split({Regex: 'h*'}, b)})),
  made('Split string', {pre_tokenizer: split({String: 'the'}, 'MergedWithNext')}),
  ...regexes.map(r => made('Regex ' + r, {pre_tokenizer: {type: 'Sequence', pretokenizers: [split({Regex: r}, 'Isolated'),
    {type: 'Metaspace', replacement: '▁', prepend_scheme: 'always', split: true}]}, model: model({byte_fallback: true, ignore_merges: true}, bytes)})),
  ...[[true, true], [true, false], [false, true]].map(([p, r]) => made(`ByteLevel ${p} ${r}`, {
    pre_tokenizer: {type: 'ByteLevel', add_prefix_space: p, trim_offsets: true, use_regex: r},
    decoder: {type: 'ByteLevel', add_prefix_space: true, trim_offsets: true, use_regex: true}})),
  made('ByteLevel inside', {pre_tokenizer: {type: 'Sequence', pretokenizers: [
    {type: 'ByteLevel', add_prefix_space: true, trim_offsets: true, use_regex: false}, {type: 'Digits', individual_digits: true},
    split({String: 'Ġ'}, 'MergedWithNext')]}}),
  made('added', {added_tokens: [added('<a>'), added('<ab>', {lstrip: true}), added('the', {single_word: true}),
    added(' hello', {rstrip: true}), added('<pad>', {special: true}), added('cat', {normalized: true}), added('é'),
    added('\n', {rstrip: true, lstrip: true}), added('THE', {normalized: true, special: true}), added('  ', {})],
    normalizer: {type: 'Lowercase'}, model: model({byte_fallback: true}, bytes)}),
  made('added normalized', {added_tokens: [added('E\u0301', {normalized: true}), added('Ab', {normalized: true, rstrip: true, lstrip: true}), added('x y', {normalized: true, single_word: true})],
    normalizer: {type: 'Sequence', normalizers: [{type: 'NFC'}, {type: 'Lowercase'}]}, decoder: {type: 'Fuse'}}),
  made('WordPiece decoder', {decoder: {type: 'WordPiece', prefix: '##', cleanup: true}}),
  made('Strip decoder', {decoder: {type: 'Strip', content: 'a', start: 1, stop: 0}}),
  made('Replace decoder', {decoder: {type: 'Replace', pattern: {Regex: '[a-c]|$'}, content: '-'}}),
];

// ---- comparison ------------------------------------------------------------------------------
async function expected(t, s) {
  try {
    const ids = (await t.encode(s, null, {addSpecialTokens: false})).getIds();
    return {ids, decoded: await t.decode(ids, false), decoded_skip_special: await t.decode(ids, true)};
  } catch (e) {
    return {error: String(e)};
  }
}
// Every character between two letters, for what looks at single characters.
function allChars() {
  const out = [];
  for (let c = 1; c < 0x110000; c += 128) {
    let s = 'a';
    for (let k = c; k < c + 128 && k < 0x110000; k++)
      if (k < 0xd800 || k > 0xdfff) s += String.fromCodePoint(k) + 'a';
    out.push(s);
  }
  return out;
}
let failures = 0, compared = 0;
async function compare(name, path, json, n) {
  let theirs = null, refused = '';
  try { theirs = Tokenizer.fromString(json); } catch (e) { refused = String(e); }
  specials = JSON.parse(json).added_tokens.slice(0, 400).map(a => a.content);
  const strings = process.env.ALL ? allChars() : Array.from({length: n}, text);
  n = strings.length;
  const run = spawnSync(program, [path], {input: strings.map(s => JSON.stringify(s) + '\n').join(''), maxBuffer: 1 << 30});
  if (!theirs || run.status !== 0) {
    if (!theirs !== (run.status !== 0)) {
      failures++;
      console.log(`${name}: theirs ${refused || 'loads'}; ours ${run.stderr}`);
    }
    return;
  }
  const lines = run.stdout.toString().split('\n');
  let shown = 0, bad = 0;
  for (let i = 0; i < n; i++) {
    const want = await expected(theirs, strings[i]), got = JSON.parse(lines[i]);
    compared++;
    const same = want.error ? !!got.error : JSON.stringify(want) === JSON.stringify(got);
    if (!same && bad++ === 0 | shown++ < 2)
      console.log(`${name}: ${JSON.stringify(strings[i])}\n  theirs ${JSON.stringify(want).slice(0, 400)}\n  ours   ${JSON.stringify(got).slice(0, 400)}`);
  }
  if (bad) { failures++; console.log(`${name}: ${bad} of ${n} differ`); }
}

const dir = mkdtempSync(join(tmpdir(), 'proctor-tokenizer-'));
for (const f of files) await compare(f, f, readFileSync(f, 'utf8'), Number(count));
const only = process.env.ONLY;
for (const [name, json] of small) {
  if (only && !name.includes(only)) continue;
  writeFileSync(join(dir, 'tokenizer.json'), json);
  await compare(name, join(dir, 'tokenizer.json'), json, Math.min(Number(count), 400));
}
rmSync(dir, {recursive: true});
console.log(`${compared} texts compared with ${files.length} + ${small.length} tokenizers: ${failures} tokenizers differ`);
process.exit(failures ? 1 : 0);
