/* The Data panel: the queue and what the data side found, whatever a model or a file is called. */
import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { axeSource } from './browser.mjs';
import { count, percent, suite } from './harness.mjs';

const EVIL = '<script>document.title = "owned"</script>', TURNED = '\u001b[31mred\u202Eevil';
const SHOWN = 'ESC[31mredRLOevil';
const LONG = 'W'.repeat(5000);

const kept = (i, texts) => ({ id: `4b61951d-r1-${i}`, prompt: `What is ${i} + 1?`, golden: String(i + 1), model_answer: String(i), why: 'the 1 was forgotten',
  pattern: 'carry', skill: 'arithmetic', difficulty: 'easy', level: 2, confidence: 0.5 + i / 100, checkpoint: 'checkpoint-4500', round: 1, ...texts });
const MINING = { state: 'waiting', state_reason: 'checkpoint-4500: round 2, 3 problems, is to be asked', checkpoint: 'checkpoint-4500', step: 4500, suite: 'validation',
  failures_total: 48, answers_total: 120, answers_ungraded: 0, samples: 100, asked: 33, ungraded: 1, yield: 0.875, yield_ci95: [0.719, 0.95], kept: 28, kept_total_today: 31,
  not_kept_known: 2, not_kept_validation: 0, lines_broken: 1, file: `data/adversarial_examples/hard_examples_20261129.jsonl`, unknown_skill: { count: 3, hint: 'no skill knows these questions' },
  rounds: [{ round: 1, asked: 33, failed: 28, ungraded: 1, pending: 0, yield: 0.875, yield_ci95: [0.719, 0.95] }],
  failures_by_pattern: [{ skill: 'ordering', known: true, level: 4, difficulty: 'medium', pattern: 'item_changed', about: 'other items', count: 45, confident: 7, example: 'a-176', why: '33 is missing',
    question: 'Sort 77, 59, 33.', golden: '77, 59, 33', model_answer: '97, 59' },
  { skill: EVIL, known: false, level: null, level_reason: 'no skill knows the question', difficulty: null, pattern: 'other', about: 'anything else', count: 3, confident: 0, example: 'b-1', why: TURNED,
    question: EVIL, golden: LONG, model_answer: TURNED }],
  examples: [kept(1, {}), kept(2, { prompt: EVIL, model_answer: TURNED, why: '<img src=x onerror="document.title=1">' }), kept(3, { prompt: LONG, golden: LONG, model_answer: null })],
  forgetting: { n: 5, solved_before: 56, rate: 0.089, rate_ci95: [0.039, 0.193], against: ['checkpoint-2886'], by_skill: { arithmetic: 5 }, ids: ['a-064'] }, exhausted: false };

const counts = { files: 3, moved: 1, split: 1, rejected: 1, failed: 0, lines: 83, lines_moved: 80, lines_rejected: 3, recovered: 0, by_defect: { invalid_json: 2, wrong_answer: 1 } };
const done = (file, state, to, rest) => ({ at: '2026-11-29T23:42:40.747Z', file, state, to, lines: 60, rejected_lines: 0, rejected: null, original: null, by_defect: {}, ...rest });
const CORRECTING = { state: 'ok', state_reason: null, checkpoint: 'checkpoint-4500', validation: { ...counts, unsettled: 0, total: counts, last_files: [
  done('queue/unvalidated/good.jsonl', 'moved', 'queue/normal/good.jsonl', {}),
  done('queue/unvalidated/mixed.jsonl', 'split', 'queue/normal/mixed.jsonl', { rejected_lines: 2, rejected: 'queue/rejected/mixed.jsonl', by_defect: { invalid_json: 1, wrong_answer: 1 } }),
  done(`queue/unvalidated/${EVIL}${TURNED}.jsonl`, 'failed', null, { reason: 'Permission denied' })] },
waiting_files: { files: 4, files_with_findings: 1, validated: 0, lines: 87, refused_lines: 1, by_defect: { invalid_json: 1 }, findings: [{ file: 'queue/normal/half.jsonl', lines: 6, refused_lines: 1,
  by_defect: { invalid_json: 1 }, findings: [{ line: 6, defect: 'invalid_json', text: `not valid JSON near '${TURNED}'` }] }] },
asking: { checkpoint_id: 4, examples: 88, max_examples: 2000, continuous: false }, asked: 88, answered: 87, errors: 85, error_rate: 85 / 87, error_rate_ci95: [0.92, 0.99], right_by_the_verifier: 1,
errors_without_text: 0, error_threshold: 10, groups_in_all: 1, corrections_written: { run: 0, today: 48, total: 67, not_verified: 2, file: null },
groups: [{ skill: 'addition', file: null, pattern: 'digit_wrong', meaning: 'one digit is wrong', count: 48, asked: 87, share: 48 / 87, share_ci95: [0.44, 0.65], threshold_reached: true,
  report: 'logs/error_patterns/checkpoint-4500_addition_digit_wrong.json', examples: [{ id: 'q', question: '898 + 131 =', golden: '1029', model_answer: '1100', why: '1100 instead of 1029', confidence: 0.6, difficulty: 'hard', file: 'f', line: 1 },
    { id: 'r', question: LONG, golden: EVIL, model_answer: null, why: null, confidence: null, difficulty: null, file: 'f', line: 2 }] }] };

const written = (n, hard) => ({ file: `gen_20261129_234605_00${n}.jsonl`, made_at: '2026-11-29T23:46:05.437Z', lines: 60, number: n, counts: { arithmetic: { easy: 30, medium: 30, hard: 0 } },
  provenance: { fresh: 60 - hard, hard, corrections: 0, used_before: 0, not_usable: 0, sources: { hard: hard ? [{ file: 'data/adversarial_examples/hard.jsonl', lines: hard }] : [], corrections: [] } },
  duplicates_avoided: 4, contamination_avoided: 1, exhausted: [] });
const GENERATING = { state: 'ok', state_reason: null, waiting_files: { high: 1, normal: 3, low: 0, counted: 3, count: 'normal', min_files: 2, bytes: 7380 }, written: [],
  last_files: [written(1, 0), written(2, 12)], reason: 'enough files wait already', mix: { weights: { easy: 0.25, medium: 0.5, hard: 0.25 }, source: 'default', why: 'there is no mix', skills: null },
  today: { files: 2, lines: 120 }, disk: { used_bytes: 7380, limit_bytes: 2 ** 30, free_bytes: 2 ** 32 } };

function put(base, queue, name, text) {
  mkdirSync(join(base.folder, 'queue', queue), { recursive: true });
  writeFileSync(join(base.folder, `queue/.${queue}.new`), text);
  renameSync(join(base.folder, `queue/.${queue}.new`), join(base.folder, 'queue', queue, name));
}

const line = (a) => `${JSON.stringify({ prompt: `${a} + 1 =`, golden: String(a + 1) })}\n`;
const HOSTILE = `<img src=x onerror=alert(1)>${'x'.repeat(150)}\u202E.jsonl`;

function fill(base) {
  const insert = (system, document) => ['INSERT INTO findings(system, day, at_ms, document) VALUES (?, 20786, 1795995765680, ?)',
    [system, JSON.stringify({ schema_version: 1, system, last_run: '2026-11-29T23:42:45.680Z', ...document })]];
  base.sql('write', insert('adversarial-miner', MINING), insert('self-correction', CORRECTING), insert('data-generation', GENERATING));
  put(base, 'normal', 'good.jsonl', line(1) + line(2));
  put(base, 'normal', 'half.jsonl', `${line(3)}no line at all\n`);
  put(base, 'high', HOSTILE, 'nothing\n');
  put(base, 'processing', 'gen_20261129_234605_002.jsonl', line(4));
  put(base, 'failed', 'failed.jsonl', line(5));
}

const { look } = suite({ fill });
const hash = '#/data';
const cells = (x, table) => x.page.$$eval(`table[aria-label="${table}"] tbody tr`, (l) => l.map((r) => [...r.cells].map((c) => c.textContent.replace(/\s+/g, ' ').trim())));
const settled = (x) => x.page.waitForFunction(() => document.querySelectorAll('main .card').length >= 8 && !document.querySelector('main .skeleton'));

look('the queue: its light with every reason, and what lies in which folder', { hash }, async (x, base) => {
  await settled(x);
  await x.shows('section[aria-label="Queue"] .stats', '◆ red');
  const waiting = ['normal', 'high'].flatMap((q) => readdirSync(join(base.folder, 'queue', q))).length;
  await x.shows('section[aria-label="Queue"] .stats', `files that wait${waiting}`);
  await x.shows('section[aria-label="Queue"] .stats', 'examples in them3');
  await x.shows('section[aria-label="Queue"] .hint', 'How long it lasts is not known: there is no status/training_status.json');
  const reasons = await x.page.$$eval('.reasons li', (l) => l.map((r) => r.querySelector('.tag').textContent.trim()));
  assert.deepEqual(reasons, ['◆ invalid', '▲ invalid', '▲ failed']);
  await x.shows('.reasons .chip', 'normal/half.jsonl');
  for (const [queue, files, size] of await cells(x, 'folders of the queue')) {
    let names = [];
    try {
      names = readdirSync(join(base.folder, 'queue', queue));
    } catch { /* no such folder */ }
    assert.equal(files, String(names.length), queue);
    if (names.length) assert.ok(size.startsWith(String(names.reduce((n, f) => n + statSync(join(base.folder, 'queue', queue, f)).size, 0))), `${queue}: ${size}`);
  }
});

look('what was generated, mined and corrected, as the documents say it', { hash }, async (x) => {
  await settled(x);
  const generated = await cells(x, 'files that were written');
  assert.deepEqual(generated.map((r) => [r[0], r[2], r[5]]), [['gen_20261129_234605_002.jsonl', '60', '5'], ['gen_20261129_234605_001.jsonl', '60', '5']]);
  assert.equal(generated[0][3], '48 fresh, 12 hardfrom data/adversarial_examples/hard.jsonl (12)');
  assert.equal(generated[0][6], 'processing');
  assert.match(generated[1][6], /in no folder of the queue/);
  await x.shows('section[aria-label="Data generation"] .mix-key', 'easy 25 %');
  const hard = 'section[aria-label="Hard examples"]';
  await x.shows(`${hard} .stats`, `${MINING.failures_total} of ${MINING.answers_total}`);
  await x.shows(`${hard} .stats`, percent(MINING.yield));
  await x.shows(`${hard} .stats`, `kept${MINING.kept}`);
  await x.shows(`${hard} .stats`, `${MINING.forgetting.n} of ${MINING.forgetting.solved_before}`);
  await x.shows(`${hard} .hint`, MINING.state_reason);
  const failures = await cells(x, 'failures by kind');
  assert.deepEqual(failures[0], ['ordering', '4', 'medium', 'item changed', '45', '7', 'Sort 77, 59, 33.right 77, 59, 33, the model 97, 5933 is missing']);
  assert.equal(await x.page.$$eval('article.hard', (l) => l.length), MINING.examples.length);
  const corrections = 'section[aria-label="Corrections"]';
  await x.shows(`${corrections} .stats`, `${CORRECTING.answered} of ${CORRECTING.asked}`);
  await x.shows(`${corrections} .stats`, percent(CORRECTING.error_rate));
  await x.shows(`${corrections} .stats`, `corrections${count(CORRECTING.corrections_written.total)}`);
  const files = await cells(x, 'files that were validated');
  assert.deepEqual(files.slice(1).map((r) => [r[0], r[2], r[4], r[5]]), [
    ['queue/unvalidated/mixed.jsonl', '▲ split queue/normal/mixed.jsonlrefused lines in queue/rejected/mixed.jsonl', '2', 'invalid json 1wrong answer 1'],
    ['queue/unvalidated/good.jsonl', '✓ moved on queue/normal/good.jsonl', '0', '']]);
  await x.shows('.defects', 'invalid json 2wrong answer 1');
  const [group] = await cells(x, 'errors by kind');
  assert.deepEqual(group.slice(0, 3), ['addition', 'digit wrong', '48of 87']);
  assert.ok(group[3].startsWith(percent(48 / 87)) && group[4].includes('898 + 131 =right 1029, the model 1100') && group[5].endsWith('addition_digit_wrong.json'), group);
});

for (const [width, theme] of [[375, 'dark'], [1280, 'light']]) {
  look(`hostile names and answers are text, at ${width} pixels, and axe finds nothing serious`, { hash, width, theme }, async (x) => {
    await settled(x);
    await x.shows('article.hard', EVIL);
    await x.shows('article.hard', SHOWN);
    await x.shows('table[aria-label="files that were validated"]', EVIL + SHOWN);
    await x.shows('.reasons', '<img src=x onerror=alert(1)>xxx');
    await x.page.$$eval('details', (l) => l.forEach((d) => d.setAttribute('open', '')));
    assert.equal(await x.page.evaluate(() => document.querySelectorAll('#page script, #page img').length), 0);
    assert.ok(!(await x.page.title()).includes('owned'));
    assert.ok(!/[\u202a-\u202e\u001b]/.test(await x.page.evaluate(() => document.querySelector('main').textContent)));
    const [page, shown] = await x.page.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
    assert.ok(page <= shown, `${page} > ${shown}`);
    // A long word in a cell breaks: tables may be moved sideways, but not for ever.
    const widest = await x.page.evaluate(() => Math.max(...[...document.querySelectorAll('main table')].map((t) => t.scrollWidth)));
    assert.ok(widest < 2000, `a table is ${widest} pixels wide`);
    await x.page.evaluate(axeSource());
    const found = await x.page.evaluate(async () => (await globalThis.axe.run(document, { resultTypes: ['violations'] })).violations
      .filter((v) => ['serious', 'critical'].includes(v.impact)).map((v) => `${v.id}: ${v.nodes.slice(0, 3).map((n) => n.target.join(' ')).join(' | ')}`));
    assert.deepEqual(found, []);
  });
}

look('a file that comes is on the screen at once', { hash }, async (x, base) => {
  await x.shows('.connection', 'live');
  await settled(x);
  const row = (name) => cells(x, 'folders of the queue').then((l) => l.find((r) => r[0] === name)[1]);
  assert.equal(await row('low'), '0');
  const began = Date.now();
  put(base, 'low', 'new.jsonl', line(7));
  await x.page.waitForFunction(() => [...document.querySelectorAll('table[aria-label="folders of the queue"] tbody tr')].some((r) => r.cells[0].textContent === 'low' && r.cells[1].textContent === '1'));
  assert.ok(Date.now() - began < 5000, `${Date.now() - began} ms`);
});
