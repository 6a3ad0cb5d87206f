/* A headless Chromium that notes what no page of ours may do: complain in the console, fail, or ask
 * another host. */
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const require = createRequire(join(dirname(fileURLToPath(import.meta.url)), '../../web/package.json'));
export const axeSource = () => require('axe-core').source;

export async function launch() {
  const { chromium } = require('playwright-core');
  return chromium.launch({
    executablePath: process.env.CHROMIUM,
    args: ['--no-sandbox', '--disable-gpu', '--disable-background-networking', '--disable-component-update', '--no-first-run'],
  });
}

export class Looker {
  constructor(browser, url) {
    this.browser = browser;
    this.url = url;
    this.faults = [];
  }

  /* expected: what the console may say, and which answers may be refused, such as about a server that a test stopped. */
  async open(hash = '#/', { width = 1280, height = 800, theme = 'light', expected = null } = {}) {
    this.context = await this.browser.newContext({ viewport: { width, height }, colorScheme: theme });
    this.page = await this.context.newPage();
    const host = new URL(this.url).host;
    this.page.on('console', (m) => {
      if (['error', 'warning'].includes(m.type()) && !expected?.test(m.text())) this.faults.push(`console: ${m.text()}`);
    });
    this.page.on('response', (r) => {
      const fault = `answered ${r.status()}: ${r.url()}`;
      if ((r.status() >= 500 || r.status() === 429) && !expected?.test(fault)) this.faults.push(fault);
    });
    this.page.on('pageerror', (e) => this.faults.push(`error: ${e.message}`));
    this.page.on('dialog', (d) => {
      this.faults.push(`dialog: ${d.message()}`);
      void d.dismiss();
    });
    this.page.on('request', (r) => {
      const u = new URL(r.url());
      if (!['data:', 'blob:'].includes(u.protocol) && u.host !== host) this.faults.push(`asked another host: ${r.url()}`);
    });
    await this.page.goto(`${this.url}/${hash}`);
    await this.page.waitForSelector('main', { timeout: 30000 });
    return this.page;
  }

  async goto(hash) {
    await this.page.evaluate((h) => {
      location.hash = h;
    }, hash);
  }

  /* Waits until a part of the page has this text. */
  async shows(selector, text) {
    await this.page.waitForFunction(
      ([s, t]) => [...document.querySelectorAll(s)].some((e) => e.textContent.replace(/\s+/g, ' ').includes(t)),
      [selector, text], { timeout: 30000 }).catch(async () => {
      const seen = await this.page.$$eval(selector, (list) => list.map((e) => e.textContent.replace(/\s+/g, ' ').slice(0, 300)));
      throw new Error(`${selector} does not show "${text}" but ${JSON.stringify(seen).slice(0, 1500)}`);
    });
  }

  async close() {
    await this.context?.close();
    if (this.faults.length) throw new Error(this.faults.join('\n'));
  }
}
