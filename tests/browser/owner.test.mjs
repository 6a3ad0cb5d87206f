/* With a `proctor run` that owns the folder: what is done from the page, and what only an owner knows.
 * There is no data/validation in this folder, so systems wait, and an alert says so. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { suite } from './harness.mjs';

const { look } = suite({ fill: (base) => base.owned() });
const REFUSED = /status of 401/;

look('an alert is acknowledged after signing in, and the audit names it', { hash: '#/alerts', expected: REFUSED }, async (x, base) => {
  await x.page.click('.alerts button:has-text("Acknowledge")');
  await x.page.fill('dialog input', base.token());
  await x.page.keyboard.press('Enter');
  await x.shows('.alerts .alert', 'acknowledged');
  const [done] = base.rows("SELECT action, outcome FROM actions ORDER BY id DESC LIMIT 1");
  assert.deepEqual(done, { action: 'acknowledge', outcome: 'done' });
  const [{ n }] = base.rows('SELECT count(*) AS n FROM alerts WHERE acknowledged_ms IS NOT NULL');
  assert.equal(n, 1);
});

look('a system that waits says why', { expected: /status of 404/ }, async (x) => {
  await x.shows('.systems li', 'model-comparison' + 'waiting');
  await x.page.click('.systems button:has-text("model-comparison")');
  await x.shows('.system-detail', 'there is no suite');
  await x.page.click('.systems button:has-text("auto-deployment")');
  await x.shows('.system-detail', 'not installed: deploy.target is not set in proctor.yaml');
});

look('the machine: what the system itself says, and that there is no GPU or which', { hash: '#/gpu' }, async (x) => {
  const total = Number(/MemTotal:\s+(\d+)/.exec(readFileSync('/proc/meminfo', 'utf8'))[1]) * 1024;
  await x.shows('.device', `of ${(total / 1024 ** 3).toFixed(1)} GiB`);
  const { machines } = await (await fetch(`${x.url}/api/gpu`)).json();
  const own = machines.find((m) => m.self);
  await x.shows('.card', own.gpus.length ? own.gpus[0].name : own.gpu_reason);
});
