/* The pictures of the documentation, taken by the same means as the tests: of a base folder with something
 * to see, such as `proctor demo` leaves one.
 *
 *   PROCTOR=build/src/cli/proctor node tests/browser/shots.mjs BASE_DIR [FOLDER [NAME…]]      default docs/images, all of them */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readFileSync, rmSync, watch } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { chromium } from '../../web/node_modules/playwright-core/index.mjs';

const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
const base = resolve(process.argv[2] ?? '.'), folder = resolve(process.argv[3] ?? join(root, 'docs/images'));

const SHOTS = [
  { name: 'overview', width: 1440, height: 900, scheme: 'dark', at: '' },
  { name: 'progress', width: 1280, height: 800, scheme: 'light', at: '#/progress' },
  { name: 'answers', width: 1280, height: 800, scheme: 'light', at: '#/previews?outcome=wrong', then: (page) => page.getByText('through the checkpoints').first().click() },
  { name: 'comparison', width: 1280, height: 800, scheme: 'light', at: '#/comparison' },
  { name: 'curriculum', width: 1280, height: 640, scheme: 'dark', at: '#/curriculum' },
  { name: 'data', width: 1280, height: 1000, scheme: 'light', at: '#/data' },
  { name: 'phone', width: 375, height: 800, scheme: 'dark', at: '' },
];

const note = join(base, 'status/api.json');
rmSync(note, { force: true });
const watcher = watch(join(base, 'status'));
const server = spawn(process.env.PROCTOR ?? join(root, 'build/src/cli/proctor'), ['run', '--quiet', '--base-dir', base], { stdio: 'ignore', env: { ...process.env, PROCTOR_API: '1' } });
while (!existsSync(note)) await once(watcher, 'change');
watcher.close();
const url = JSON.parse(readFileSync(note, 'utf8')).page_url;
const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'] });
mkdirSync(folder, { recursive: true });
const only = process.argv.slice(4);
for (const s of SHOTS.filter((x) => !only.length || only.includes(x.name))) {
  const page = await browser.newPage({ viewport: { width: s.width, height: s.height }, colorScheme: s.scheme });
  await page.goto(url + s.at);
  await page.waitForLoadState('load');
  await page.waitForFunction(() => !document.querySelector('.skeleton'));
  await s.then?.(page);
  await page.waitForTimeout(1500); // charts measure themselves, then are drawn
  await page.screenshot({ path: join(folder, `${s.name}.png`) });
  console.log(join(folder, `${s.name}.png`));
  await page.close();
}
await browser.close();
server.kill('SIGTERM');
await once(server, 'exit');
