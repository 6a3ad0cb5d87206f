/* Bundles tests/*.test.ts and runs them with node's own runner: Node.js 18 reads no TypeScript. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const here = dirname(fileURLToPath(import.meta.url));
const out = mkdtempSync(join(tmpdir(), 'proctor-page-test-'));
try {
  const tests = readdirSync(join(here, 'tests')).filter((f) => f.endsWith('.test.ts'));
  await build({
    absWorkingDir: here, entryPoints: tests.map((f) => `tests/${f}`), bundle: true, outdir: out, format: 'esm', platform: 'node',
    target: 'node18', outExtension: { '.js': '.mjs' }, logLevel: 'warning',
  });
  const run = spawnSync(process.execPath, ['--test', ...tests.map((f) => join(out, f.replace(/\.ts$/, '.mjs')))], { stdio: 'inherit' });
  process.exitCode = run.status ?? 1;
} finally {
  rmSync(out, { recursive: true, force: true });
}
