// Trains on text files with Hugging Face's own trainer and compares with a tokenizer.json of ours.
//   node tokenizer_train_vs_hf.mjs MODULES TOKENIZER_JSON SCRATCH TEXT…
// Their trainer (30,000 tokens, no least frequency, only the bytes that occur) is not settable from
// here: ours must have been made without one too, and where one of the two stops earlier the shorter
// list of merges must be the other's beginning.  Exit status 1 where anything differs.
import {createRequire} from 'node:module';
import {readFileSync, writeFileSync} from 'node:fs';
import {join} from 'node:path';

const [modules, ours, scratch, ...texts] = process.argv.slice(2);
const {Tokenizer} = createRequire(join(modules, '/'))('tokenizers');
const bytes = readFileSync(ours, 'utf8'), mine = JSON.parse(bytes);
let failures = 0;
function check(what, same) {
  if (!same) { failures++; console.log(`differs: ${what}`); }
}

const again = join(scratch, 'again.json');
Tokenizer.fromString(bytes).save(again, true);
check('the file as they write it after reading it', readFileSync(again, 'utf8') === bytes);

const empty = {...mine, added_tokens: [], model: {...mine.model, vocab: {}, merges: []}};
const theirs = Tokenizer.fromString(JSON.stringify(empty)), path = join(scratch, 'theirs.json');
theirs.train(texts);
theirs.save(path, false);
const model = JSON.parse(readFileSync(path, 'utf8')).model;
const n = Math.min(model.merges.length, mine.model.merges.length);
const first = [...Array(n).keys()].find(i => model.merges[i].join(' ') !== mine.model.merges[i].join(' '));
check(`merge ${first}: theirs ${model.merges[first]}, ours ${mine.model.merges[first]}`, first === undefined);
const full = Object.keys(model.vocab).length >= 30000;
check(`${model.merges.length} merges, ours ${mine.model.merges.length}`,
  full || model.merges.length === mine.model.merges.length);
const missing = Object.keys(model.vocab).filter(t => !(t in mine.model.vocab) && !full);
check(`tokens that ours lacks: ${missing.slice(0, 5)}`, missing.length === 0);
console.log(`${n} merges compared, ${failures} differences`);
process.exit(failures ? 1 : 0);
