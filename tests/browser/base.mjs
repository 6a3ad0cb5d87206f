/* A base folder with a real gradebook (make_base), and the real `proctor api` or `proctor run` over it. */
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, watch, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = dirname(fileURLToPath(import.meta.url));
const python = process.env.PYTHON ?? '/usr/bin/python3';

export class Base {
  constructor() {
    this.folder = mkdtempSync(join(tmpdir(), 'proctor-browser-'));
    mkdirSync(join(this.folder, 'status'));
    execFileSync(process.env.MAKE_BASE, [this.folder], { stdio: 'ignore' });
    this.ports = [0, 0];
    this.process = null;
    this.command = 'api';
    this.extra = [];
  }

  /* Starts it, again at the ports that it had; resolves when it says where it is. */
  async start() {
    const note = join(this.folder, 'status/api.json');
    rmSync(note, { force: true });
    const watcher = watch(join(this.folder, 'status'));
    const ports = ['--port', String(this.ports[0]), '--page-port', String(this.ports[1])];
    this.process = spawn(process.env.PROCTOR,
      [this.command, '--base-dir', this.folder, ...(this.command === 'api' ? ports : []), ...this.extra],
      { stdio: ['ignore', 'ignore', this.command === 'api' ? 'inherit' : 'ignore'] });
    let ended = false;
    this.process.once('exit', () => {
      ended = true;
      watcher.emit('change');
    });
    while (!existsSync(note) && !ended) await once(watcher, 'change');
    watcher.close();
    if (ended) throw new Error('proctor api ended at once');
    const said = JSON.parse(readFileSync(note, 'utf8'));
    this.url = said.page_url.replace(/\/$/, '');
    this.ports = [said.api_url, said.page_url].map((u) => Number(new URL(u).port));
    return this.url;
  }

  async stop() {
    if (!this.process || this.process.exitCode !== null) return;
    this.process.kill('SIGTERM');
    await once(this.process, 'exit');
  }

  sql(mode, ...statements) {
    const out = execFileSync(python, [join(here, 'gradebook.py'), join(this.folder, 'proctor.db'), mode],
      { input: JSON.stringify(statements.map((s) => (Array.isArray(s) ? s : [s, []]))), maxBuffer: 1 << 28 });
    return JSON.parse(out.toString());
  }

  rows(sql, ...values) {
    return this.sql('read', [sql, values])[0];
  }

  /* `proctor run` instead, which keeps the API beside it: its ports are in proctor.yaml. */
  owned() {
    this.command = 'run';
    writeFileSync(join(this.folder, 'proctor.yaml'), 'api:\n  port: 0\n  page_port: 0\n');
  }

  token() {
    return readFileSync(join(this.folder, 'api.token'), 'utf8').trim();
  }

  async done() {
    await this.stop();
    rmSync(this.folder, { recursive: true, force: true });
  }
}
