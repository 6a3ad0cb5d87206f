/* The tests of the page in a browser: run.mjs [FILE…].  PROCTOR and MAKE_BASE name the programs; without
 * Chromium, node's modules or a page in the program they are skipped, and that is said (77). */
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = dirname(fileURLToPath(import.meta.url));
const PLACES = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];

function skip(why) {
  console.log(`SKIP: ${why}`);
  process.exit(77);
}

const chromium = process.env.CHROMIUM ?? PLACES.find(existsSync);
if (!chromium || !existsSync(chromium)) skip('there is no Chromium (Debian package chromium)');
if (!existsSync(join(here, '../../web/node_modules/playwright-core'))) skip('web/node_modules is not there (npm ci in web/)');
if (process.env.HAVE_PAGE === '0') skip('the program was built without its page');

const files = process.argv.length > 2 ? process.argv.slice(2) : readdirSync(here).filter((f) => f.endsWith('.test.mjs')).sort().map((f) => join(here, f));
let failed = 0;
// One after the other: each has a server and a browser of its own.
for (const file of files) {
  const run = spawnSync(process.execPath, ['--test', file], { stdio: 'inherit', env: { ...process.env, CHROMIUM: chromium } });
  failed ||= run.status ?? 1;
}
process.exit(failed);
