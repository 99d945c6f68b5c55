/** What a static host cannot add by headers, put into the built files: a content security policy in every page, the service worker's list of files. */

import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { stripTypeScriptTypes } from 'node:module';
import { join, relative, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { AstroIntegration } from 'astro';

/** Types of `<script>` that hold no program. */
const DATA = /\btype=["']?(application\/|speculationrules|text\/(?!javascript))/;
/** The page's editor is large and few need it: kept once it was used. */
const OPTIONAL = /monaco|codicon|editor\.(api|main|worker)/i;
/** Not for readers: what only search engines or the server ask for. */
const UNWANTED = /^(sw\.js|sitemap.*|robots\.txt|pagefind\/pagefind-(modular-ui|component-ui|highlight|ui)\..*)$|\.(map|br|gz)$/;

const sha256 = (text: string | Buffer, form: 'base64' | 'hex' = 'hex'): string => createHash('sha256').update(text).digest(form);

/**
 * Scripts come from the site itself or are named by their hash; nothing is ever evaluated, only the search engine compiles its wasm.
 * Styles may stand in the page: the terminal and the editor write style elements whose text depends on fonts and sizes, and blocks of code carry their
 * colours in style attributes; a style can neither run anything nor load from elsewhere.
 */
export function policyOf(html: string): string {
  const hashes = new Set<string>();
  for (const [, attributes = '', text = ''] of html.matchAll(/<script\b([^>]*)>([\s\S]*?)<\/script>/g))
    if (!/\bsrc=/.test(attributes) && !DATA.test(attributes)) hashes.add(`'sha256-${sha256(text, 'base64')}'`);
  return [
    "default-src 'none'",
    ["script-src 'self' 'wasm-unsafe-eval'", ...[...hashes].sort()].join(' '),
    "style-src 'self' 'unsafe-inline'",
    "img-src 'self' data:",
    "font-src 'self' data:",
    "connect-src 'self'",
    "worker-src 'self'",
    "manifest-src 'self'",
    "object-src 'none'",
    "base-uri 'none'",
    "form-action 'none'",
  ].join('; ');
}

/** Before everything that it is to hold for. */
export const withPolicy = (html: string): string =>
  html.replace(
    /<head>(<meta charset="?utf-8"?\s*\/?>)?/i,
    (head) => `${head}<meta http-equiv="Content-Security-Policy" content="${policyOf(html)}">`,
  );

/** All files below a folder, from there on, in order. */
function filesOf(root: string, at = root): string[] {
  return readdirSync(at, { withFileTypes: true })
    .flatMap((e) => (e.isDirectory() ? filesOf(root, join(at, e.name)) : [relative(root, join(at, e.name)).split(sep).join('/')]))
    .sort();
}

/** The worker's program with the list of this build's files. */
export function workerOf(root: string): string {
  const files = filesOf(root)
    .filter((path) => !UNWANTED.test(path))
    .map((path) => [path, sha256(readFileSync(join(root, path))).slice(0, 12), ...(OPTIONAL.test(path) ? [1] : [])]);
  const source = readFileSync(new URL('../offline/sw.ts', import.meta.url), 'utf8');
  const list = JSON.stringify(files);
  return `const VERSION = ${JSON.stringify(sha256(list).slice(0, 12))};\nconst FILES = ${list};\n${stripTypeScriptTypes(source)}`;
}

export const staticHost: AstroIntegration = {
  name: 'hopwise-static',
  hooks: {
    'astro:config:setup'({ command, injectScript }) {
      if (command === 'build')
        injectScript('page', `import ${JSON.stringify(fileURLToPath(new URL('../offline/register.ts', import.meta.url)))};`);
    },
    'astro:build:done'({ dir }) {
      const root = fileURLToPath(dir);
      for (const path of filesOf(root).filter((p) => p.endsWith('.html'))) {
        const file = join(root, path);
        writeFileSync(file, withPolicy(readFileSync(file, 'utf8')));
      }
      writeFileSync(join(root, 'sw.js'), workerOf(root));
    },
  },
};
