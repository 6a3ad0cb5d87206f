// Our tokenizer beside Hugging Face's native binding on the same text, in turn, one thread each.
//   node bench/tokenizer_bench.mjs PROGRAM MODULES TEXT tokenizer.json…
// PROGRAM is bench_tokenizer; MODULES the folder with node_modules/tokenizers (the integration test
// tokenizer_vs_hf.py leaves it in .cache/tokenizer-vs-hf); TEXT a file, or "-" for 2 MB of mixed
// English, code and Chinese made from the package's own files.
import {createRequire} from 'node:module';
import {spawnSync} from 'node:child_process';
import {readFileSync, writeFileSync, mkdtempSync, rmSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join, resolve} from 'node:path';

process.env.TOKENIZERS_PARALLELISM = 'false';
process.env.RAYON_NUM_THREADS = '1';
const [program, modules, given, ...files] = process.argv.slice(2);
const require = createRequire(join(resolve(modules), '/'));
const {Tokenizer} = require('tokenizers');

function mixed() {
  const code = readFileSync(join(modules, 'node_modules/tokenizers/index.js'), 'utf8');
  const english = readFileSync(join(modules, 'node_modules/tokenizers/LICENSE'), 'utf8') +
    readFileSync(join(modules, 'node_modules/tokenizers/README.md'), 'utf8');
  const chinese = '模型在训练过程中会不断地被检查,这样我们就知道它是否真的在进步。今天的天气很好,适合出去散步;' +
    '数学题的答案是四十二,但是没有人知道问题是什么。语言模型的词表通常包含十五万个词元。';
  let s = '', x = 1;
  for (let i = 0; s.length < 1400000; i++) {
    x = (x * 1103515245 + 12345) % 2147483648;
    const source = [code, english, chinese.repeat(20)][i % 3], at = x % (source.length - 900);
    s += source.slice(at, at + 900) + '\n' + x + '\n';
  }
  return s;
}
const dir = mkdtempSync(join(tmpdir(), 'proctor-bench-'));
const path = given === '-' ? join(dir, 'text.txt') : given;
if (given === '-') writeFileSync(path, mixed());
const text = readFileSync(path, 'utf8'), bytes = Buffer.byteLength(text);
for (const file of files) {
  const start = performance.now();
  const theirs = Tokenizer.fromFile(file);
  const load = performance.now() - start;
  let best = Infinity, n = 0, ours = {encode_mb_s: 0, load_ms: Infinity};
  for (let round = 0; round < 3; round++) {
    const from = performance.now();
    n = (await theirs.encode(text, null, {addSpecialTokens: false})).getLength();
    best = Math.min(best, performance.now() - from);
    const run = spawnSync(program, [file, path, '3', 'cold']);
    if (run.status) throw new Error(run.stderr.toString());
    const got = JSON.parse(run.stdout.toString());
    ours = {...got, encode_mb_s: Math.max(got.encode_mb_s, ours.encode_mb_s), load_ms: Math.min(got.load_ms, ours.load_ms)};
  }
  const name = file.split('/').slice(-3, -1).join('/');
  console.log(JSON.stringify({tokenizer: name, bytes, tokens: n, same_count: n === ours.tokens,
    theirs_load_ms: Math.round(load), ours_load_ms: ours.load_ms,
    theirs_mb_s: +(bytes / best / 1000).toFixed(1), ours_mb_s: ours.encode_mb_s,
    ours_decode_mb_s: ours.decode_mb_s, times: +(ours.encode_mb_s / (bytes / best / 1000)).toFixed(1)}));
}
rmSync(dir, {recursive: true});
