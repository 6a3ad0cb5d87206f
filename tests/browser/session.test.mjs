/* Signing in: for actions, and for everything where reading needs the token too. */
import assert from 'node:assert/strict';
import { suite } from './harness.mjs';

const REFUSED = /status of 401/;
const { look, shared } = suite();

look('a wrong token is refused, the right one signs in', { expected: REFUSED }, async (x, base) => {
  await x.page.click('button:has-text("sign in")');
  await x.page.fill('dialog input', 'not the token');
  await x.page.keyboard.press('Enter');
  await x.shows('dialog [role="alert"]', 'This is not the token.');
  await x.page.fill('dialog input', base.token());
  await x.page.keyboard.press('Enter');
  await x.page.waitForSelector('button:has-text("sign out")');
  await x.page.waitForSelector('dialog', { state: 'detached' });
  assert.deepEqual(await x.page.evaluate(() => [document.cookie, localStorage.length, sessionStorage.length]), ['', 0, 0]);
  await x.page.reload();
  await x.page.waitForSelector('button:has-text("sign out")');
  await x.page.click('button:has-text("sign out")');
  await x.page.waitForSelector('button:has-text("sign in")');
});

look('Escape leaves the dialog, and the focus goes back', {}, async (x) => {
  await x.page.focus('button:has-text("sign in")');
  await x.page.keyboard.press('Enter');
  await x.page.waitForSelector('dialog[open]');
  await x.page.keyboard.press('Escape');
  await x.page.waitForSelector('dialog', { state: 'detached' });
  assert.equal(await x.page.evaluate(() => document.activeElement.textContent), 'sign in');
});

look('off loopback nothing is shown before the token', { expected: REFUSED }, async (x, base) => {
  await x.page.goto('about:blank');
  await base.stop();
  base.extra = ['--bind', '0.0.0.0'];
  await base.start();
  x.url = base.url.replace('0.0.0.0', '127.0.0.1');
  await x.page.goto(`${x.url}/#/checkpoints`);
  await x.page.waitForSelector('.login-page');
  assert.equal(await x.page.$$eval('table', (l) => l.length), 0);
  await x.page.fill('input[name="token"]', shared.base.token());
  await x.page.keyboard.press('Enter');
  await x.shows('tbody tr', 'checkpoint-4500');
});
