/** The layers of src/ and who may import whom; and the words that break determinism below host/. */

import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';

/** Layer -> layers that it may import, besides itself. */
export const LAYERS: Record<string, readonly string[]> = {
  sim: [],
  wire: [],
  net: ['sim', 'wire'],
  os: ['sim', 'wire', 'net'],
  bin: ['sim', 'wire', 'os'],
  cluster: ['sim', 'wire', 'os'],
  lab: ['sim', 'wire', 'net', 'os', 'bin', 'cluster'],
  host: ['sim', 'lab'],
  site: ['host', 'lab'],
  /** Vite plugins: they run in Node while the site is built. */
  'site/build': ['site', 'host', 'lab', 'bin', 'os', 'net', 'cluster', 'cli'],
  server: ['lab'],
  cli: ['sim', 'wire', 'net', 'os', 'bin', 'cluster', 'lab'],
};

/** npm packages that a layer below host/ may use. */
export const PACKAGES: Record<string, readonly string[]> = {
  bin: ['unbash'],
  os: ['unbash', '@noble'],
  lab: ['yaml', 'ajv', 'unbash'],
  cluster: ['yaml', 'ajv'],
};

const PURE = ['sim', 'wire', 'net', 'os', 'bin', 'cluster', 'lab'];
const CLOCKS = /\b(Date\.now|new Date\(\)|Math\.random|performance\.|setTimeout|setInterval|setImmediate|queueMicrotask|crypto\.)/;

export function sources(folder: string): string[] {
  const out: string[] = [];
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) out.push(...sources(path));
    else if (/\.(ts|tsx|astro)$/.test(entry.name) && !/\.(test|d)\.ts$/.test(entry.name)) out.push(path);
  }
  return out.sort();
}

/** One line per offence: `src/net/x.ts:3: net may not import lab (../lab/y.ts)`. */
export function offences(src: string): string[] {
  const found: string[] = [];
  for (const file of sources(src)) {
    const parts = relative(src, file).split(/[\\/]/);
    const layer = parts[0] === 'site' && parts[1] === 'build' ? 'site/build' : (parts[0] as string);
    const allowed = LAYERS[layer];
    const name = `src/${relative(src, file).replaceAll('\\', '/')}`;
    readFileSync(file, 'utf8')
      .split('\n')
      .forEach((line, i) => {
        const at = `${name}:${i + 1}`;
        if (PURE.includes(layer) && CLOCKS.test(line.replace(/\/\/.*|^\s*\*.*|\/\*.*\*\//, '')))
          found.push(`${at}: clock or chance below host/: ${line.trim()}`);
        const spec =
          /(?:^\s*(?:import|export)\b.*?\bfrom\s+|^\s*import\s+|\bimport\()\s*['"]([^'"]+)['"]/.exec(line)?.[1] ??
          /^\s*}\s*from\s*['"]([^'"]+)['"]/.exec(line)?.[1];
        if (!spec || !allowed) return;
        if (spec.startsWith('.')) {
          const target = relative(src, resolve(dirname(file), spec)).split(/[\\/]/)[0] as string;
          if (target === '..' || target === layer || allowed.includes(target)) {
            if (target === '..' && PURE.includes(layer)) found.push(`${at}: ${layer} may not import from outside src (${spec})`);
            return;
          }
          found.push(`${at}: ${layer} may not import ${target} (${spec})`);
        } else if (PURE.includes(layer) && !(PACKAGES[layer] ?? []).includes(spec.split('/')[0] as string)) {
          found.push(`${at}: ${layer} may not import the package ${spec}`);
        }
      });
  }
  return found;
}
