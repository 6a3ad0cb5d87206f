/* Bundles the page into one folder: index.html, and assets/ with names made of their content, so that a
 * browser may keep them for ever.  build.mjs [FOLDER] [--report FILE]
 * --report: also the page in one file, for `proctor report` to put its answers into. */
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { build } from 'esbuild';

const here = dirname(fileURLToPath(import.meta.url));
const MOST_GZIPPED = 150_000;

const args = process.argv.slice(2);
const at = args.indexOf('--report');
const reportFile = at >= 0 ? resolve(args.splice(at, 2)[1]) : null;
const out = resolve(args[0] ?? join(here, 'dist'));

const made = await build({
  absWorkingDir: here, entryPoints: ['src/main.tsx'], bundle: true, write: false, outdir: out, minify: true,
  format: 'iife', target: ['es2020', 'chrome100', 'firefox100', 'safari15.4'], jsx: 'automatic', jsxImportSource: 'preact',
  legalComments: 'none', logLevel: 'warning', charset: 'utf8',
});
const text = (end) => made.outputFiles.find((f) => f.path.endsWith(end)).text;
const code = text('.js'), style = text('.css');
const icon = readFileSync(join(here, 'src/icon.svg'), 'utf8');
const page = readFileSync(join(here, 'src/index.html'), 'utf8');

const named = (name, end, content) => `assets/${name}-${createHash('sha256').update(content).digest('hex').slice(0, 12)}.${end}`;
const names = { SCRIPT: named('page', 'js', code), STYLE: named('page', 'css', style), ICON: named('icon', 'svg', icon) };
const files = {
  [names.SCRIPT]: code, [names.STYLE]: style, [names.ICON]: icon,
  'index.html': page.replace(/@(\w+)@/g, (_, name) => `/${names[name]}`),
};

rmSync(join(out, 'assets'), { recursive: true, force: true });
mkdirSync(join(out, 'assets'), { recursive: true });
let gzipped = 0;
for (const [name, content] of Object.entries(files)) {
  writeFileSync(join(out, name), content);
  gzipped += gzipSync(content, { level: 9 }).length;
}
if (gzipped > MOST_GZIPPED) throw new Error(`the page is ${gzipped} bytes gzipped, more than ${MOST_GZIPPED}`);

if (reportFile) {
  // In a file of its own nothing is loaded, so script and style are inline, and a policy forbids the rest.
  const policy = `default-src 'none'; script-src 'sha256-${createHash('sha256').update(code).digest('base64')}'; style-src 'unsafe-inline'; img-src data: blob:`;
  const one = page
    .replace('<meta charset="utf-8">', () => `<meta charset="utf-8"><meta http-equiv="Content-Security-Policy" content="${policy}">`)
    .replace(/<link rel="icon"[^>]*>/, '')
    .replace(/<link rel="stylesheet"[^>]*>/, () => `<style>${style}</style>`)
    .replace(/<script [^>]*><\/script>/, '')
    // The answers come before the script that reads them.
    .replace('</body>', () => `<script type="application/json" id="proctor-report">@REPORT@</script><script>${code}</script></body>`);
  writeFileSync(reportFile, one);
}
console.log(`the page: ${gzipped} bytes gzipped in ${Object.keys(files).length} files`);
