/* Zoom, smoothing, logarithm, export. */
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { suite } from './harness.mjs';

const N = 1_000_000, SPIKE = 765_432;

/* A million points, one of them a spike. */
function fill(base) {
  base.sql('write', "INSERT INTO series(id, run_id, name) VALUES (1, 1, 'loss')",
    `WITH RECURSIVE s(step) AS (SELECT 1 UNION ALL SELECT step + 1 FROM s WHERE step < ${N})
     INSERT INTO points(series, step, value) SELECT 1, step, iif(step = ${SPIKE}, 99.5, 1 + (step % 100) / 200.0) FROM s`);
}

const { look } = suite({ fill });
const LOSS = 'figure[aria-label="Loss"]';

async function drag(x, from, to, figure = LOSS) {
  const box = await x.page.locator(`${figure} .u-over`).boundingBox();
  const y = box.y + box.height / 2;
  await x.page.mouse.move(box.x + box.width * from, y);
  await x.page.mouse.down();
  await x.page.mouse.move(box.x + box.width * to, y, { steps: 5 });
  await x.page.mouse.up();
}

look('of a million points few are drawn, and no spike is lost', { hash: '#/progress' }, async (x) => {
  await x.shows(`${LOSS} .chart-note`, '1,000,000 points, drawn by');
  await x.page.click(`${LOSS} button:has-text("CSV")`, { trial: true });
  const [download] = await Promise.all([x.page.waitForEvent('download'), x.page.click(`${LOSS} button:has-text("CSV")`)]);
  assert.match(download.suggestedFilename(), /Loss-decimated\.csv$/);
  const lines = (await readFile(await download.path(), 'utf8')).trim().split('\r\n');
  assert.ok(lines.length < 10000, String(lines.length));
  assert.ok(lines.some((l) => l.startsWith(`${SPIKE},99.5`)));
});

look('a range that is dragged is asked for anew, by all charts', { hash: '#/progress' }, async (x) => {
  await x.shows(`${LOSS} .chart-note`, '1,000,000 points');
  const asked = x.page.waitForRequest((r) => /\/api\/curves\/1\?from=\d+&to=\d+/.test(r.url()));
  const also = x.page.waitForRequest((r) => r.url().includes('/api/gradebook/history') && r.url().includes('from='));
  await drag(x, 0.4, 0.41);
  const url = new URL((await asked).url());
  await also;
  assert.ok(Number(url.searchParams.get('to')) - Number(url.searchParams.get('from')) < 0.05 * N);
  await x.page.waitForFunction((s) => !document.querySelector(`${s} .chart-note`).textContent.includes('1,000,000'), LOSS);
  await x.page.locator(`${LOSS} .u-over`).dblclick();
  await x.shows(`${LOSS} .chart-note`, '1,000,000 points');
});

look('the wheel zooms a chart that was chosen, and scrolls the page before', { hash: '#/progress' }, async (x) => {
  await x.shows(`${LOSS} .chart-note`, '1,000,000 points');
  const box = await x.page.locator(`${LOSS} .u-over`).boundingBox();
  await x.page.mouse.move(box.x + box.width / 2, box.y + box.height / 2);
  await x.page.mouse.wheel(0, -200);
  assert.equal(await x.page.locator('button:has-text("Show all steps")').isDisabled(), true);
  await x.page.locator(`${LOSS} .plot`).focus();
  await x.page.mouse.wheel(0, -200);
  await x.page.waitForSelector('button:has-text("Show all steps"):not([disabled])');
});

look('what is read stays under the cursor when other points come', { hash: '#/progress' }, async (x) => {
  await x.shows(`${LOSS} .chart-note`, '1,000,000 points');
  await x.page.locator(`${LOSS} .plot`).focus();
  const box = await x.page.locator(`${LOSS} .u-over`).boundingBox();
  await x.page.mouse.move(box.x + box.width * 0.75, box.y + box.height / 2);
  for (let i = 0; i < 6; i++) await x.page.mouse.wheel(0, -200);
  await x.page.waitForFunction((s) => !document.querySelector(`${s} .chart-note`).textContent.includes('1,000,000'), LOSS);
  const read = Number((await x.page.textContent(`${LOSS} .legend-at`)).replace(/\D/g, ''));
  assert.ok(Math.abs(read - 0.75 * N) < 0.02 * N, String(read));
});

look('smoothing keeps the raw line', { hash: '#/progress?smoothing=0.9' }, async (x) => {
  await x.shows(`${LOSS} .legend`, 'training loss');
  await x.shows(`${LOSS} .legend`, 'smoothed');
});

look('the logarithm can be turned off, and a picture be taken', { hash: '#/progress' }, async (x) => {
  await x.shows(`${LOSS} .chart-note`, 'points');
  await x.page.click(`${LOSS} button:has-text("log")`);
  await x.page.waitForSelector(`${LOSS} button[aria-pressed="false"]:has-text("log")`);
  const [download] = await Promise.all([x.page.waitForEvent('download'), x.page.click(`${LOSS} button:has-text("PNG")`)]);
  const bytes = await readFile(await download.path());
  assert.equal(bytes.subarray(1, 4).toString(), 'PNG');
  assert.ok(bytes.length > 5000);
});
