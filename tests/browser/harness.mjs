/* What the tests of a file share: one base folder, one server, one browser; each test its own window. */
import { after, before, test } from 'node:test';
import { Base } from './base.mjs';
import { launch, Looker } from './browser.mjs';

export function suite({ fill } = {}) {
  const shared = {};
  before(async () => {
    shared.base = new Base();
    fill?.(shared.base);
    await shared.base.start();
    shared.browser = await launch();
  });
  after(async () => {
    await shared.browser?.close();
    await shared.base?.done();
  });
  return {
    shared,
    look(name, options, run) {
      test(name, { timeout: 120000 }, async () => {
        const looker = new Looker(shared.browser, shared.base.url);
        await looker.open(options.hash, options);
        await run(looker, shared.base);
        await looker.close();
      });
    },
  };
}

/* As the page writes them (web/src/format.ts), from numbers that SQL gave. */
export const percent = (x, digits = 1) => `${(x * 100).toFixed(digits)} %`;
export const count = (x) => new Intl.NumberFormat('en-US').format(x);
export function short(x, digits = 4) {
  if (Math.abs(x) >= 1e-3 && Math.abs(x) < 10 ** digits) return x.toPrecision(digits).replace('-', '−');
  throw new Error(`not a number for this: ${x}`);
}
