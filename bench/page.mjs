/* The page in headless Chromium over a large gradebook: when it shows something, and how it moves.
 *
 *   node bench/page.mjs BUILD_FOLDER [--checkpoints N] [--points N] [--json]
 *
 * Chromium, the server and whatever else runs share the machine; nothing is drawn by a GPU. */
import { execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const { chromium } = await import(join(root, 'web/node_modules/playwright-core/index.mjs'));
const PAINT_MS = 300, FRAME_MS = 20, LOADS = 9, GESTURES = 12;

const args = process.argv.slice(2);
function number(name, fallback) {
  const at = args.indexOf(name);
  return at < 0 ? fallback : Number(args.splice(at, 2)[1]);
}
const checkpoints = number('--checkpoints', 1000), points = number('--points', 1_000_000);
const json = args.includes('--json') && args.splice(args.indexOf('--json'), 1).length > 0;
const build = args[0] ?? join(root, 'build');

const median = (v) => [...v].sort((a, b) => a - b)[Math.floor(v.length / 2)];
const share = (v, q) => [...v].sort((a, b) => a - b)[Math.min(v.length - 1, Math.floor(v.length * q))];

async function serve(base) {
  mkdirSync(join(base, 'status'));
  execFileSync(join(build, 'bench/bench_curves'), [points, checkpoints, 300, base].map(String), { stdio: ['ignore', 'ignore', 'inherit'] });
  const server = spawn(join(build, 'src/cli/proctor'), ['api', '--base-dir', base, '--port', '0', '--page-port', '0'], { stdio: 'ignore' });
  const note = join(base, 'status/api.json');
  while (!existsSync(note)) {
    if (server.exitCode !== null) throw new Error('the server ended');
    await sleep(20);
  }
  return { server, url: JSON.parse(readFileSync(note, 'utf8')).page_url };
}

/* In the page, before its own script: when the first paint was, and when a figure of the gradebook and a
 * drawn chart were on the screen (seen from within a frame, so that it was painted with it). */
function watchPaint() {
  window.bench = { paint: null, meaning: null, frames: [] };
  new PerformanceObserver((list) => {
    for (const e of list.getEntries()) if (e.name === 'first-contentful-paint') window.bench.paint = e.startTime;
  }).observe({ type: 'paint', buffered: true });
  const look = () => {
    const header = document.querySelector('header');
    if (header && /checkpoint-\d+/.test(header.textContent) && document.querySelector('canvas')) window.bench.meaning = performance.now();
    else requestAnimationFrame(look);
  };
  requestAnimationFrame(look);
}

async function load(browser, url) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 } });
  const page = await context.newPage();
  await page.addInitScript(watchPaint);
  await page.goto(url);
  await page.waitForFunction(() => window.bench.meaning !== null && window.bench.paint !== null);
  const seen = await page.evaluate(() => window.bench);
  await context.close();
  return seen;
}

/* Frames from the first gesture to when the last one's answers are drawn. */
async function gestures(browser, url) {
  const page = await (await browser.newContext({ viewport: { width: 1280, height: 800 } })).newPage();
  await page.goto(url + '#/progress');
  const chart = page.locator('.u-over').first();
  await chart.waitFor();
  await sleep(2000); // the charts have taken their places
  const box = await chart.boundingBox(), x = (part) => box.x + box.width * part, y = box.y + box.height / 2;
  let ranges = 0;
  page.on('request', (r) => {
    ranges += /\/api\/curves\/\d+\?.*from=/.test(r.url());
  });
  await page.mouse.click(x(0.5), y);
  await page.evaluate(() => {
    window.frames_ = [];
    let last = performance.now();
    const next = (now) => {
      window.frames_.push(now - last);
      last = now;
      window.going = requestAnimationFrame(next);
    };
    window.going = requestAnimationFrame(next);
  });
  for (let i = 0; i < GESTURES; i++) {
    await page.mouse.move(x(0.3 + 0.4 * (i % 2)), y);
    for (let k = 0; k < 6; k++) await page.mouse.wheel(0, i % 4 === 3 ? 120 : -120);
    await page.keyboard.down('Shift');
    await page.mouse.down();
    for (let k = 0; k <= 20; k++) await page.mouse.move(x(0.5 + (i % 2 ? 0.015 : -0.015) * k), y);
    await page.mouse.up();
    await page.keyboard.up('Shift');
    await sleep(350); // at rest the points of the range are asked for and drawn
  }
  await sleep(500);
  const frames = await page.evaluate(() => {
    cancelAnimationFrame(window.going);
    return window.frames_.slice(2);
  });
  if (!ranges) throw new Error('nothing was zoomed: no range was asked for');
  return { frames, ranges };
}

const base = mkdtempSync(join(tmpdir(), 'proctor-page-'));
let server = null, browser = null;
try {
  const served = await serve(base);
  server = served.server;
  browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'] });
  await load(browser, served.url); // the server reads the gradebook for the first time
  const loads = [];
  for (let i = 0; i < LOADS; i++) loads.push(await load(browser, served.url));
  const { frames, ranges } = await gestures(browser, served.url);
  const figures = { checkpoints, points, loads: LOADS, first_contentful_paint_ms: median(loads.map((l) => l.paint)),
    meaningful_paint_ms: median(loads.map((l) => l.meaning)), ranges_asked: ranges, frames: frames.length, frame_median_ms: median(frames), frame_p95_ms: share(frames, 0.95) };
  if (json) console.log(JSON.stringify(figures));
  else {
    const row = (what, ms, goal) => console.log(`${what.padEnd(58)} ${ms.toFixed(1).padStart(8)} ms${goal ? `   goal ${goal}` : ''}`);
    console.log(`page over ${checkpoints} checkpoints × 300, ${points} points; 1280 × 800, median of ${LOADS} loads`);
    row('first contentful paint', figures.first_contentful_paint_ms);
    row("first meaningful paint: the gradebook's newest, a chart drawn", figures.meaningful_paint_ms, PAINT_MS);
    row(`frame while zooming and panning, ${ranges} ranges asked for`, figures.frame_median_ms, FRAME_MS);
    row(`the same, 95 % of ${frames.length} frames`, figures.frame_p95_ms);
  }
} finally {
  await browser?.close();
  server?.kill('SIGTERM');
  rmSync(base, { recursive: true, force: true });
}
