/* For keyboards and screen readers. */
import assert from 'node:assert/strict';
import { axeSource } from './browser.mjs';
import { suite } from './harness.mjs';

const { look } = suite();
const PANELS = ['', 'progress', 'previews', 'calibration', 'comparison', 'checkpoints', 'checkpoints?id=3', 'curriculum', 'data', 'testing'];

for (const theme of ['light', 'dark']) {
  look(`axe finds nothing serious, ${theme}`, { theme }, async (x) => {
    await x.page.evaluate(axeSource());
    for (const panel of PANELS) {
      await x.goto(`#/${panel}`);
      await x.page.waitForFunction(() => document.querySelector('main h2') && !document.querySelector('main .skeleton, main .is-old'));
      const found = await x.page.evaluate(async () => {
        const result = await globalThis.axe.run(document, { resultTypes: ['violations'] });
        return result.violations.filter((v) => ['serious', 'critical'].includes(v.impact))
          .map((v) => `${v.id}: ${v.nodes.slice(0, 3).map((n) => `${n.target.join(' ')} ${n.failureSummary}`).join(' | ')}`);
      });
      assert.deepEqual(found, [], panel || 'overview');
    }
  });
}

look('a chart is read and zoomed with keys', { hash: '#/progress' }, async (x) => {
  const plot = x.page.locator('figure[aria-label="Accuracy and score"] .plot');
  await plot.focus();
  await x.page.keyboard.press('Home');
  await x.shows('figure[aria-label="Accuracy and score"] [aria-live]', 'step 1,574, accuracy');
  await x.page.keyboard.press('ArrowRight');
  await x.shows('figure[aria-label="Accuracy and score"] [aria-live]', 'step 2,886, accuracy');
  // The cursor is shared: the other charts read at the same step.
  await x.shows('figure[aria-label="Accuracy by difficulty"] .legend-at', 'step 2,886');
  await x.page.keyboard.press('+');
  await x.page.waitForSelector('button:has-text("Show all steps"):not([disabled])');
  await x.page.keyboard.press('0');
  await x.page.waitForSelector('button:has-text("Show all steps")[disabled]');
});

look('the first stop of the Tab key leads past the top to the panel', {}, async (x) => {
  await x.page.keyboard.press('Tab');
  assert.equal(await x.page.evaluate(() => document.activeElement.textContent), 'Skip to the panel');
  await x.page.keyboard.press('Enter');
  assert.equal(await x.page.evaluate(() => document.activeElement.id), 'main');
});
