/* The page in one file, as `proctor report` writes it: no server, no request, the same numbers. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { percent, suite } from './harness.mjs';

const { shared } = suite();
const HELD = ['/api/status', '/api/gradebook/suites', '/api/gradebook/runs', '/api/gradebook/history?suite=validation&width=1000', '/api/gradebook/history',
  '/api/curves', '/api/checkpoints?order=best&state=ready&limit=500', '/api/checkpoints?limit=500', '/api/checkpoints?state=ready&limit=500',
  '/api/gradebook/examples?outcome=wrong&limit=50', '/api/gradebook/examples?limit=200', '/api/gradebook/calibration', '/api/testing', '/api/curriculum',
  '/api/confidence', '/api/model_comparison', '/api/checkpoints/4'];

test('a report needs no server', { timeout: 120000 }, async () => {
  const { base, browser } = shared;
  const documents = {};
  for (const url of HELD) documents[url] = await (await fetch(base.url + url)).json();
  const page = await (await fetch(`${base.url}/report.html`)).text();
  const text = JSON.stringify({ made_at: '2026-01-02T03:04:05Z', version: '0.1.0', documents }).replace(/</g, '\\u003c');
  const file = join(base.folder, 'report.html');
  writeFileSync(file, page.replace('@REPORT@', () => text));
  const [score] = base.rows("SELECT accuracy FROM checkpoint_scores WHERE suite = 'validation' AND checkpoint = 4");
  await base.stop();

  const context = await browser.newContext({ viewport: { width: 1280, height: 800 } });
  const view = await context.newPage(), faults = [];
  view.on('console', (m) => ['error', 'warning'].includes(m.type()) && faults.push(m.text()));
  view.on('pageerror', (e) => faults.push(e.message));
  view.on('request', (r) => !/^(file|data|blob):/.test(r.url()) && faults.push(r.url()));
  await view.goto(`file://${file}`);
  await view.waitForSelector('.chart canvas');
  assert.match(await view.textContent('.connection'), /report made/);
  assert.match(await view.textContent('main'), new RegExp(percent(score.accuracy)));
  assert.equal(await view.$$eval('button:has-text("sign in")', (l) => l.length).catch(() => 0), 0);
  await view.evaluate(() => {
    location.hash = '#/checkpoints?id=4';
  });
  await view.waitForSelector('.sentences li');
  await view.evaluate(() => {
    location.hash = '#/checkpoints?id=1';
  });
  await view.waitForSelector('main .failure');
  assert.match(await view.textContent('.failure'), /this report does not hold it/);
  assert.deepEqual(faults, []);
  await context.close();
});
