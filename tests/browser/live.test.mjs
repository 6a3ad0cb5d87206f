/* What changes is on the screen without a reload; a connection that was lost is shown and mended. */
import assert from 'node:assert/strict';
import { suite } from './harness.mjs';

const { look } = suite();
/* A server that is being stopped answers 503 to what it was asked before. */
const AWAY = /Failed to load resource|ERR_|answered 503/;
let key = 0;

function raise(base, level, text) {
  base.sql('write', ['INSERT INTO alerts(system, key, level, text, raised_ms) VALUES (?, ?, ?, ?, ?)',
    ['regression-monitor', `test-${++key}`, level, text, Date.now()]]);
}

look('an alert appears, is said aloud and changes the title', {}, async (x, base) => {
  await x.shows('.connection', 'live');
  await x.shows('.items', '1 open alert');
  raise(base, 2, 'checkpoint-9 lost everything');
  await x.shows('.items', '2 open alerts');
  await x.shows('[aria-live="assertive"]', 'checkpoint-9 lost everything');
  assert.equal(await x.page.title(), '● critical – proctor');
});

look('a query on the screen follows the gradebook', { hash: '#/checkpoints?state=refused' }, async (x, base) => {
  await x.shows('tbody tr', 'refused');
  base.sql('write', "UPDATE checkpoints SET state = 'refused', reason = 'as a test' WHERE name = 'checkpoint-1574'");
  await x.shows('tbody tr', 'checkpoint-1574');
});

look('a server that went away and came back', { expected: AWAY }, async (x, base) => {
  await x.shows('.connection', 'live');
  await base.stop();
  await x.shows('.connection', 'connection lost, trying again');
  await x.shows('.items', 'open alert');
  raise(base, 1, 'while nobody looked');
  await base.start();
  await x.shows('.connection', 'live');
  await x.shows('.items', '3 open alerts');
});

look('a hidden tab asks nothing, and catches up', {}, async (x, base) => {
  await x.shows('.connection', 'live');
  const hide = (hidden) => x.page.evaluate((h) => {
    Object.defineProperty(document, 'hidden', { configurable: true, get: () => h });
    document.dispatchEvent(new Event('visibilitychange'));
  }, hidden);
  await hide(true);
  await x.shows('.connection', 'paused');
  raise(base, 1, 'while it was hidden');
  await hide(false);
  await x.shows('.connection', 'live');
  await x.shows('.items', '4 open alerts');
});
