/* Every panel shows the numbers that SQL takes from proctor.db. */
import assert from 'node:assert/strict';
import { count, percent, short, suite } from './harness.mjs';

/* A curve as the owner ingests it from the trainer: one step was logged and was no number. */
const STEPS = Array.from({ length: 5000 }, (_, i) => i + 1);
const loss = (step) => 0.4 + 4 / step + (step % 7) * 0.01;

function fill(base) {
  const values = (s) => (s === 2000 ? 'NULL' : String(loss(s)));
  base.sql('write', "INSERT INTO series(id, run_id, name) VALUES (1, 1, 'loss')",
    `INSERT INTO points(series, step, value) VALUES ${STEPS.map((s) => `(1, ${s}, ${values(s)})`).join(',')}`);
}

const { look } = suite({ fill });

const SCORES = `SELECT s.*, c.id FROM checkpoint_scores s JOIN checkpoints c ON c.id = s.checkpoint WHERE s.suite = 'validation'`;

look('the line at the top: the newest checkpoint, open alerts, that nothing is deployed', {}, async (x, base) => {
  const [newest] = base.rows('SELECT name FROM checkpoints WHERE state = ? ORDER BY step DESC LIMIT 1', 'ready');
  const [{ n }] = base.rows('SELECT count(*) AS n FROM alerts WHERE cleared_ms IS NULL');
  const [graded] = base.rows(`${SCORES} AND c.name = ?`, newest.name);
  await x.shows('.items', newest.name);
  await x.shows('.items', `${graded.n_graded} of ${graded.n} graded`);
  await x.shows('.items', `${n} open alert`);
  await x.shows('.items', 'deployed' + 'nothing');
  assert.equal(await x.page.$$eval('.systems li', (l) => l.length), 10);
  assert.equal(await x.page.title(), '● warning – proctor');
});

look('progress: figures of each checkpoint, and the curve that was logged', { hash: '#/progress' }, async (x, base) => {
  const scores = base.rows(`${SCORES} ORDER BY s.step`), last = scores[scores.length - 1];
  await x.shows('.chart', `accuracy ${percent(last.accuracy)}`);
  await x.shows('.chart', `n ${last.n_graded}`);
  await x.shows('.chart', `loss of graded answers ${short(last.loss)}`);
  await x.shows('.chart', `training loss ${short(loss(5000))}`);
  await x.shows('.chart', '5,000 points, drawn by the lowest and highest of each column; 1 step logged without a number');
  await x.page.click('figure[aria-label="Accuracy and score"] button:has-text("table")');
  const rows = await x.page.$$eval('figure[aria-label="Accuracy and score"] tbody tr', (l) => l.map((r) => [...r.cells].map((c) => c.textContent)));
  assert.deepEqual(rows.map((r) => r.slice(0, 2)), scores.map((s) => [`step ${count(s.step)}`, percent(s.accuracy)]).reverse());
});

look('progress by difficulty', { hash: '#/progress' }, async (x, base) => {
  const groups = base.rows(`SELECT e.difficulty, avg(v.correct) AS accuracy, count(v.correct) AS n FROM grade_values v
    JOIN examples e ON e.id = v.example JOIN checkpoints c ON c.model = v.model WHERE c.name = 'checkpoint-5000' AND v.graded GROUP BY 1`);
  assert.equal(groups.length, 3);
  for (const g of groups) await x.shows('figure[aria-label="Accuracy by difficulty"] .legend', `${g.difficulty} ${percent(g.accuracy)}`);
});

look('previews: how many, and each answer with its figures', { hash: '#/previews?checkpoint=4&outcome=wrong' }, async (x, base) => {
  const list = base.rows(`SELECT v.confidence, v.loss, e.name, e.line, t.output FROM suite_examples s JOIN suites u ON u.id = s.suite AND u.name = 'validation' AND u.current
    JOIN examples e ON e.id = s.example JOIN checkpoints c ON c.id = 4 JOIN grade_values v ON v.model = c.model AND v.example = e.id
    JOIN grade_texts t ON t.checkpoint = c.id AND t.example = e.name WHERE v.correct = 0 ORDER BY s.position`);
  await x.shows('.count', `${list.length} answers of checkpoint-4500`);
  const seen = await x.page.$$eval('article.example', (l) => l.map((a) => a.textContent));
  assert.equal(seen.length, 50);
  seen.forEach((text, i) => {
    const { prompt, golden, messages } = JSON.parse(list[i].line).line;
    assert.ok(text.includes(prompt ?? messages[messages.length - 2].content), text);
    assert.ok(text.includes(golden ?? messages[messages.length - 1].content), text);
    assert.ok(text.includes(`confidence ${percent(list[i].confidence)}`), text);
  });
  await x.page.click('button.more');
  await x.page.waitForFunction((n) => document.querySelectorAll('article.example').length === n, Math.min(100, list.length));
});

look('one answer through the checkpoints', { hash: '#/previews?checkpoint=4' }, async (x, base) => {
  const digest = base.rows(`SELECT e.digest FROM suite_examples s JOIN suites u ON u.id = s.suite AND u.name = 'validation' AND u.current
    JOIN examples e ON e.id = s.example ORDER BY s.position LIMIT 1`)[0].digest;
  await x.page.click('article.example >> nth=0 >> button:has-text("through the checkpoints")');
  await x.page.waitForSelector('.stepper');
  assert.ok((await x.page.evaluate(() => location.hash)).includes(digest));
  const graded = base.rows(`SELECT c.name, c.step, v.correct FROM checkpoints c JOIN grade_values v ON v.model = c.model JOIN examples e ON e.id = v.example
    WHERE e.digest = ? ORDER BY c.step`, digest);
  assert.equal(await x.page.$$eval('.strip i', (l) => l.length), graded.length);
  await x.page.focus('.stepper input');
  await x.page.keyboard.press('Home');
  await x.shows('.stepper', count(graded[0].step));
  await x.shows('.one-head', graded[0].name);
  await x.shows('.one-head', graded[0].correct ? 'right' : 'wrong');
});

look('calibration: counts and shares of each bin', { hash: '#/calibration?checkpoint=4' }, async (x, base) => {
  const answers = base.rows(`SELECT v.confidence, v.correct FROM grade_values v JOIN checkpoints c ON c.model = v.model AND c.id = 4
    JOIN suite_examples s ON s.example = v.example JOIN suites u ON u.id = s.suite AND u.name = 'validation' AND u.current WHERE v.confidence IS NOT NULL`);
  const edges = [0, 0.2, 0.4, 0.6, 0.8, 0.95, 1];
  const bins = edges.slice(1).map((high, i) => answers.filter((a) => a.confidence >= edges[i] && (a.confidence < high || high === 1)));
  await x.page.click('.grid .card >> nth=0 >> summary');
  const rows = await x.page.$$eval('.grid .card:first-child tbody tr', (l) => l.map((r) => [...r.cells].slice(1, 3).map((c) => c.textContent)));
  rows.forEach((r, i) => {
    assert.equal(r[0], String(bins[i].length));
    if (bins[i].length) assert.equal(r[1], percent(bins[i].filter((a) => a.correct).length / bins[i].length));
    else assert.match(r[1], /–/);
  });
});

look('comparison: pairs, gained and lost, with links into the answers', { hash: '#/comparison?a=2&b=4' }, async (x, base) => {
  const [pair] = base.rows(`SELECT count(*) AS n, sum(a.correct < b.correct) AS gained, sum(a.correct > b.correct) AS lost, avg(a.correct) AS before, avg(b.correct) AS after
    FROM grade_values a JOIN grade_values b ON b.example = a.example AND b.settings = a.settings
    WHERE a.model = (SELECT model FROM checkpoints WHERE id = 2) AND b.model = (SELECT model FROM checkpoints WHERE id = 4)`);
  await x.shows('.card', `${pair.n} pairs`);
  await x.shows('.turned', `${pair.gained} gained`);
  await x.shows('.turned', `${pair.lost} lost`);
  await x.shows('.figures-table', percent(pair.before) + percent(pair.after));
  await x.page.click('.turn-lost a');
  await x.shows('.count', `${pair.lost} answer`);
});

look('checkpoints: figures, verdicts, and what was refused', { hash: '#/checkpoints' }, async (x, base) => {
  const scores = base.rows(SCORES);
  await x.shows('tbody', 'checkpoint-4500');
  for (const s of scores) {
    await x.shows('tbody tr', `${s.checkpoint_name}${count(s.step)}`);
    await x.shows('tbody tr', percent(s.accuracy));
    await x.shows('tbody tr', short(s.loss_mean_per_example));
  }
  await x.shows('tbody tr', 'refused');
  await x.page.click('a:has-text("checkpoint-2926")');
  await x.shows('.sentences', 'warning on validation');
  const [{ n }] = base.rows("SELECT count(*) AS n FROM decisions WHERE checkpoint = (SELECT id FROM checkpoints WHERE name = 'checkpoint-2926')");
  assert.equal(await x.page.$$eval('.decision', (l) => l.length), n);
});

look('testing: the newest test and those before', { hash: '#/testing' }, async (x, base) => {
  const [{ document }] = base.rows("SELECT document FROM findings WHERE system = 'automated-testing' ORDER BY id DESC LIMIT 1");
  const doc = JSON.parse(document);
  await x.shows('.stats', doc.checkpoint);
  await x.shows('.stats', percent(doc.overall_accuracy));
  assert.equal(await x.page.$$eval('main tbody tr', (l) => l.length), doc.history.length);
});

look('alerts: all of them, with their checkpoints', { hash: '#/alerts?state=all' }, async (x, base) => {
  const list = base.rows('SELECT a.text, c.name FROM alerts a LEFT JOIN checkpoints c ON c.id = a.checkpoint ORDER BY a.id DESC');
  await x.page.waitForFunction((n) => document.querySelectorAll('.alerts .alert').length === n, list.length);
  for (const a of list) {
    await x.shows('.alerts .alert', a.text);
    await x.shows('.alerts .alert', a.name);
  }
});

look('every panel that has something to show is in the navigation', {}, async (x) => {
  const titles = await x.page.$$eval('.nav a', (l) => l.map((a) => a.textContent));
  assert.deepEqual(titles, ['Overview', 'Progress', 'Previews', 'Calibration', 'Comparison', 'Checkpoints', 'Curriculum', 'Data', 'Testing', 'Alerts']);
});

look('curriculum: every strategy with its probes', { hash: '#/curriculum' }, async (x, base) => {
  const [{ document }] = base.rows("SELECT document FROM findings WHERE system = 'curriculum-optimizer' ORDER BY id DESC LIMIT 1");
  const doc = JSON.parse(document);
  await x.shows('.stats', doc.best_strategy.replace(/_/g, ' '));
  const rows = await x.page.$$eval('main tbody tr', (l) => l.map((r) => [r.cells[0].textContent, r.cells[1].textContent]));
  assert.deepEqual(rows.map((r) => [r[0].replace('in use', ''), r[1]]), doc.strategies_tested.map((s) => [s.strategy.replace(/_/g, ' '), String(s.n_probes)]));
});
