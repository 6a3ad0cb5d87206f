/* From a telephone to a second screen: nothing is cut off sideways, and charts are drawn. */
import assert from 'node:assert/strict';
import { suite } from './harness.mjs';

const { look } = suite();
const PANELS = ['', 'progress', 'previews', 'calibration', 'comparison', 'checkpoints', 'checkpoints?id=3', 'curriculum', 'data', 'testing'];

for (const [width, height, theme] of [[375, 800, 'dark'], [1280, 800, 'light'], [3840, 2160, 'dark']]) {
  look(`${width} × ${height}, ${theme}`, { width, height, theme }, async (x) => {
    for (const panel of PANELS) {
      await x.goto(`#/${panel}`);
      await x.page.waitForFunction(() => document.querySelector('main h2') && !document.querySelector('main .skeleton'));
      const [page, shown] = await x.page.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
      assert.ok(page <= shown, `${panel || 'overview'}: ${page} > ${shown}`);
    }
    const background = await x.page.evaluate(() => getComputedStyle(document.body).backgroundColor.match(/\d+/g).map(Number));
    assert.equal(background[0] < 128, theme === 'dark');
  });
}

look('every chart has something drawn', { hash: '#/progress' }, async (x) => {
  await x.page.waitForSelector('.chart canvas');
  await x.page.waitForFunction(() => [...document.querySelectorAll('.chart canvas')].every((c) => {
    const { data } = c.getContext('2d').getImageData(0, 0, c.width, c.height);
    for (let i = 3; i < data.length; i += 4) if (data[i]) return true;
    return false;
  }));
});

look('the colours can be chosen, and stay', { theme: 'light' }, async (x) => {
  await x.page.click('button[aria-label="colours: auto"]');
  await x.page.click('button[aria-label="colours: light"]');
  await x.page.waitForFunction(() => document.documentElement.dataset.theme === 'dark');
  await x.page.reload();
  await x.page.waitForFunction(() => document.documentElement.dataset.theme === 'dark');
});

look('an address that names no panel says so', { hash: '#/nonsense' }, async (x) => {
  await x.shows('main', 'There is no such panel here');
});
