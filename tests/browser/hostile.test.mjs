/* Whatever a model, a file or a folder is called: it is text. */
import assert from 'node:assert/strict';
import { suite } from './harness.mjs';

const LONG = 'W'.repeat(1_000_000);
const OUTPUTS = [
  '<script>document.title = "owned"</script>',
  '<img src=x onerror="document.title=1"><svg onload=alert(1)><iframe src="javascript:alert(1)">',
  '\u001b[31mred\u001b[0m and \u202Eturned around\u202C',
  LONG,
  '<think>let me see</think>the answer is 42',
  `<think>${'never closes '.repeat(500)}`,
  `Z${'\u0300\u0316'.repeat(3000)}algo`,
  '\u2066\u2069\u200b\ufeff\u0000'.replace('\u0000', '') + 'invisible',
];

function fill(base) {
  const examples = base.rows(`SELECT g.settings, g.example FROM suite_examples s JOIN suites u ON u.id = s.suite AND u.name = 'validation' AND u.current
    JOIN grades g ON g.example = s.example AND g.model = (SELECT model FROM checkpoints WHERE id = 4) ORDER BY s.position LIMIT ?`, OUTPUTS.length);
  base.sql('write',
    // As an output that was kept apart from the answer: bits 14 and 15 say so.
    ...examples.map((e, i) => [`UPDATE grades SET output = ?, flags = flags | 49152 WHERE example = ? AND settings = ?
      AND model = (SELECT model FROM checkpoints WHERE id = 4)`, [OUTPUTS[i], e.example, e.settings]]),
    ['INSERT INTO alerts(system, key, level, text, raised_ms) VALUES (?, ?, 2, ?, 1)', ['regression-monitor', 'hostile', '<b>bold</b>\u202Eevil\u001b[2J']],
    ['UPDATE checkpoints SET name = ? WHERE id = 1', [`<i>checkpoint</i>-${'x'.repeat(200)}\u202E`]]);
}

const { look } = suite({ fill });

async function noHarm(x) {
  assert.equal(await x.page.evaluate(() => document.querySelectorAll('#page script, #page iframe, #page img, #page b:has(+ *) > script').length), 0);
  assert.ok(!(await x.page.title()).includes('owned'));
  const [width, shown] = await x.page.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
  assert.ok(width <= shown, `${width} > ${shown}`);
}

for (const width of [375, 1280]) {
  look(`outputs are text, at ${width} pixels`, { hash: '#/previews?checkpoint=4', width }, async (x) => {
    await x.shows('article.example', OUTPUTS[0]);
    await x.shows('article.example', OUTPUTS[1]);
    await x.shows('article.example', 'ESC[31mredESC[0m and RLOturned aroundPDF');
    await x.shows('article.example', 'LRIPDIZWSPBOMinvisible');
    await x.shows('article.example', 'the answer is 42');
    await x.shows('article.example details.think', 'never closed');
    await x.shows('article.example', 'show more');
    await noHarm(x);
  });
}

look('a megabyte without a space can be opened and compared', { hash: '#/previews?checkpoint=4' }, async (x) => {
  const article = x.page.locator('article.example').nth(3);
  await article.locator('button:has-text("show more")').click();
  await article.locator('button:has-text("through the checkpoints")').click();
  await article.locator('.stepper').waitFor();
  await noHarm(x);
});

look('names of checkpoints and texts of alerts are text', { hash: '#/checkpoints' }, async (x) => {
  await x.shows('tbody tr', '<i>checkpoint</i>-xxx');
  await x.shows('tbody tr', 'evilESC[2Jname');
  await noHarm(x);
  await x.goto('#/previews');
  await x.page.waitForSelector('select');
  const options = await x.page.$$eval('option', (l) => l.map((o) => o.textContent).join('\n'));
  assert.ok(!/[\u202a-\u202e\u0000-\u0009\u000b-\u001f]/.test(options));
  await noHarm(x);
});

look('a search for markup finds text', { hash: '#/previews?checkpoint=4' }, async (x) => {
  await x.page.fill('input[type="search"]', '<img src=x onerror');
  await x.page.waitForFunction(() => location.hash.includes('search='));
  await x.shows('main', 'answer');
  await noHarm(x);
});
