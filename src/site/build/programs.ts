/** What the build makes of the table of programs: those that the first prompt needs, those that a lab's world needs, and the rest. */

import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Plugin } from 'vite';
import type { Command } from '../../os/program.ts';
import { ENGINE, neededAtStart } from './needs.ts';

const BIN = fileURLToPath(new URL('../../bin/', import.meta.url));

/** Programs that every world needs while it is built. */
const AT_ONCE: Readonly<Record<string, string>> = {
  bash: 'sh/sh.ts',
  podserver: 'podserver/podserver.ts',
  restorers: 'iptables/restorers.ts',
};

/** What `kubectl explain` prints: nobody needs it before he asks. */
const TEXTS = fileURLToPath(new URL('../../cluster/api/schema/docs.json', import.meta.url));

/** What `why` asks: it comes with the rest of the programs. */
const WITNESS = fileURLToPath(new URL('../../lab/view/witness.ts', import.meta.url));

/** What comes with the first program of a lab that the prompt alone does not need. */
const WITH_ANY = fileURLToPath(new URL('../../os/whole.ts', import.meta.url));

/** A package's files before the programs are there: the links alone, null for a text that comes with them. */
const withoutTexts = (files: Readonly<Record<string, string | (() => string)>>): Record<string, string | null> =>
  Object.fromEntries(Object.entries(files).map(([path, text]) => [path, typeof text === 'string' && text.startsWith('-> ') ? text : null]));

const isCommand = (value: unknown): value is Command =>
  typeof value === 'object' && value !== null && 'main' in value && 'name' in value && typeof value.name === 'string';

/** Program -> the module that holds it, and the name that it is exported by there. */
async function homes(): Promise<Map<string, { file: string; from: string }>> {
  const found = new Map<string, { file: string; from: string }>();
  for (const table of ['index.ts', 'everyday.ts'])
    for (const [, file = ''] of readFileSync(BIN + table, 'utf8').matchAll(/^import \{[^}]*\} from '\.\/([^']+)';$/gm)) {
      if (file === 'everyday.ts') continue;
      const module = (await import(BIN + file)) as Record<string, unknown>;
      for (const [from, value] of Object.entries(module))
        for (const command of [value].flat()) if (isCommand(command)) found.set(command.name, { file: BIN + file, from });
    }
  return found;
}

/** Modules that only pass names on: what they export does not belong to whoever imports one name from them. */
export const PASSES_ON = /\/src\/(os|net\/netfilter)\/uapi\.ts$/;

/** `virtual:hopwise-programs` takes the place of the table of programs in the browser. */
export const programs: Plugin = {
  name: 'hopwise-programs',
  enforce: 'pre',
  resolveId(id, importer, options) {
    if (id.startsWith('virtual:hopwise-program')) return `\0${id}`;
    if (!options.ssr && id === './schema/docs.json' && importer?.endsWith('/cluster/api/openapi.ts')) return '\0virtual:hopwise-texts';
    if (!options.ssr && id === './view/witness.ts' && importer?.endsWith('/lab/world.ts')) return '\0virtual:hopwise-witness';
    if (id === 'virtual:hopwise-late') return `\0${id}`;
    if (!options.ssr && id === '../bin/index.ts' && /\/lab\/(world|machines)\.ts$/.test(importer ?? ''))
      return '\0virtual:hopwise-programs';
    return undefined;
  },
  async load(id, options) {
    const index = `${BIN}index.ts`;
    if (id.startsWith('\0virtual:hopwise-program/')) {
      const name = id.slice('\0virtual:hopwise-program/'.length);
      const home = (await homes()).get(name);
      return home && `import { ${home.from} as home } from ${JSON.stringify(home.file)}; export const commands = [home].flat();`;
    }
    if (id === '\0virtual:hopwise-late') return 'export const late = [];';
    if (id === '\0virtual:hopwise-witness')
      return `import { late } from 'virtual:hopwise-late'; late.push(() => import(${JSON.stringify(WITNESS)}));`;
    if (id === '\0virtual:hopwise-texts')
      return `import { late } from 'virtual:hopwise-late';
        const texts = {};
        late.push(async () => Object.assign(texts, (await import(${JSON.stringify(TEXTS)})).default));
        export default texts;`;
    if (id !== '\0virtual:hopwise-programs') return undefined;
    if (options?.ssr) return `export { commands } from ${JSON.stringify(index)}; export const loadPrograms = async () => undefined;`;
    const { commands } = (await import(index)) as typeof import('../../bin/index.ts');
    const needed = await neededAtStart();
    const there = new Set(['bash', 'podserver', 'iptables-restore', 'ip6tables-restore', ENGINE]);
    const apart = [...new Set(Object.values(needed).flat())].filter((name) => !there.has(name)).sort();
    return `
      ${Object.entries(AT_ONCE)
        .map(([name, file]) => `import { ${name} } from ${JSON.stringify(BIN + file)};`)
        .join('\n')}
      import { late } from 'virtual:hopwise-late';
      const loaded = new Map([${Object.keys(AT_ONCE).join(', ')}].flat().map((command) => [command.name, command]));
      const table = ${JSON.stringify(commands.map(({ main: _, files, ...about }) => (files ? { ...about, files: withoutTexts(files) } : about)))};
      const withTexts = (name, files) => Object.fromEntries(Object.entries(files).map(([path, link]) =>
        [path, link ?? (() => loaded.get(name).files[path])]));
      export const commands = table.map(({ files, ...about }) => ({
        ...about,
        ...(files ? { files: withTexts(about.name, files) } : {}),
        main: (p) => loaded.get(about.name).main(p),
      }));
      const keep = (module) => module.commands.forEach((command) => loaded.set(command.name, command));
      const apart = {
        ${apart.map((name) => `${JSON.stringify(name)}: () => import('virtual:hopwise-program/${name}').then(keep)`).join(',\n')},
        ${JSON.stringify(ENGINE)}: () => import(${JSON.stringify(`${BIN}sh/engine.ts`)}),
      };
      const needed = ${JSON.stringify(needed)};
      let all = null;
      export function loadPrograms(lab) {
        if (all || lab === undefined) {
          all ??= import(${JSON.stringify(index)}).then(keep);
          return all.then(() => Promise.all(late.splice(0).map((load) => load()))).then(() => undefined);
        }
        const names = needed[lab]?.filter((name) => apart[name]) ?? [];
        return Promise.all([...names.map((name) => apart[name]()), ...(names.length > 0 ? [import(${JSON.stringify(WITH_ANY)})] : [])]).then(() => undefined);
      }`;
  },
};
