/** What the build adds to Vite: labs as modules, programs that load after the prompt, tables of what is emulated, a search box that loads when it is opened. */

import { fileURLToPath } from 'node:url';
import type { Plugin } from 'vite';
import { LABS, labIds, loadLab } from '../../cli/labs.ts';
import { catalogue } from './catalogue.ts';

const pathOf = (relative: string) => fileURLToPath(new URL(relative, import.meta.url));

/** `virtual:hopwise-labs`: every lab read and checked at build time, one chunk each; what only authors need stays out. */
export const labs: Plugin = {
  name: 'hopwise-labs',
  resolveId: (id) => (id.startsWith('virtual:hopwise-lab') ? `\0${id}` : undefined),
  load(id) {
    if (id === '\0virtual:hopwise-labs') {
      const cases = labIds().map((lab) => `'${lab}': () => import('virtual:hopwise-lab/${lab}')`);
      return `const labs = { ${cases.join(', ')} };
        export async function loadLab(id) {
          if (!labs[id]) throw new Error('no lab is called ' + id);
          return (await labs[id]()).default;
        }`;
    }
    if (!id.startsWith('\0virtual:hopwise-lab/')) return undefined;
    const lab = loadLab(id.slice('\0virtual:hopwise-lab/'.length));
    return `export default ${JSON.stringify({ ...lab, alternatives: [], decoys: [], notes: undefined })}`;
  },
  /** While an author works: a saved file of a lab makes its modules anew and loads the page again. */
  configureServer(server) {
    server.watcher.add(LABS);
    server.watcher.on('all', (_event, path) => {
      if (!path.startsWith(LABS)) return;
      for (const environment of Object.values(server.environments)) {
        for (const [id, module] of environment.moduleGraph.idToModuleMap)
          if (id.includes('virtual:hopwise-lab')) environment.moduleGraph.invalidateModule(module);
        environment.hot.send({ type: 'full-reload' });
      }
    });
  },
};

/** `virtual:hopwise-catalogue`: what the pages say of every lab. */
export const labList: Plugin = {
  name: 'hopwise-catalogue',
  resolveId: (id) => (id === 'virtual:hopwise-catalogue' ? `\0${id}` : undefined),
  load: (id) => (id === '\0virtual:hopwise-catalogue' ? `export const labs = ${JSON.stringify(catalogue())}` : undefined),
};

/** Programs that a world needs while it is built; all others come in a second chunk while the learner reads the prompt. */
const AT_ONCE: Readonly<Record<string, string>> = {
  bash: 'sh/sh.ts',
  podserver: 'podserver/podserver.ts',
  restorers: 'iptables/restorers.ts',
};

/** A package's files before the programs are there: the links alone, null for a text that comes with them. */
const withoutTexts = (files: Readonly<Record<string, string | (() => string)>>): Record<string, string | null> =>
  Object.fromEntries(Object.entries(files).map(([path, text]) => [path, typeof text === 'string' && text.startsWith('-> ') ? text : null]));

/** `virtual:hopwise-programs` takes the place of the table of programs in the browser. */
export const programs: Plugin = {
  name: 'hopwise-programs',
  enforce: 'pre',
  resolveId(id, importer, options) {
    if (id === 'virtual:hopwise-programs') return `\0${id}`;
    if (!options.ssr && id === '../bin/index.ts' && importer?.endsWith('/lab/world.ts')) return '\0virtual:hopwise-programs';
    return undefined;
  },
  async load(id, options) {
    if (id !== '\0virtual:hopwise-programs') return undefined;
    const index = pathOf('../../bin/index.ts');
    if (options?.ssr) return `export { commands } from ${JSON.stringify(index)}; export const loadPrograms = async () => undefined;`;
    const { commands } = (await import(index)) as typeof import('../../bin/index.ts');
    return `
      ${Object.entries(AT_ONCE)
        .map(([name, file]) => `import { ${name} } from ${JSON.stringify(pathOf(`../../bin/${file}`))};`)
        .join('\n')}
      const loaded = new Map([${Object.keys(AT_ONCE).join(', ')}].flat().map((command) => [command.name, command]));
      const table = ${JSON.stringify(commands.map(({ main: _, files, ...about }) => (files ? { ...about, files: withoutTexts(files) } : about)))};
      const withTexts = (name, files) => Object.fromEntries(Object.entries(files).map(([path, link]) =>
        [path, link ?? (() => loaded.get(name).files[path])]));
      export const commands = table.map(({ files, ...about }) => ({
        ...about,
        ...(files ? { files: withTexts(about.name, files) } : {}),
        main: (p) => loaded.get(about.name).main(p),
      }));
      export async function loadPrograms() {
        for (const command of (await import(${JSON.stringify(index)})).commands) loaded.set(command.name, command);
      }`;
  },
};

/** `virtual:hopwise-support`: the tables behind the page of limits, so that it can say nothing else than the code. */
export const support: Plugin = {
  name: 'hopwise-support',
  resolveId: (id) => (id === 'virtual:hopwise-support' ? `\0${id}` : undefined),
  async load(id) {
    if (id !== '\0virtual:hopwise-support') return undefined;
    const { commands } = (await import(pathOf('../../bin/index.ts'))) as typeof import('../../bin/index.ts');
    const { supportOf } = (await import(pathOf('../../bin/man/support.ts'))) as typeof import('../../bin/man/support.ts');
    const { FEATURES } = (await import(pathOf('../../net/support.ts'))) as typeof import('../../net/support.ts');
    const { CLUSTER_FEATURES } = (await import(pathOf('../../cluster/support.ts'))) as typeof import('../../cluster/support.ts');
    const { matches, targets } = (await import(
      pathOf('../../net/netfilter/xt/ext/index.ts')
    )) as typeof import('../../net/netfilter/xt/ext/index.ts');
    const programs = commands.map(({ name }) => ({ name, ...supportOf(name) })).sort((a, b) => (a.name < b.name ? -1 : 1));
    const names = (list: readonly { readonly name: string }[]) => [...new Set(list.map((e) => e.name))].sort();
    return `export const programs = ${JSON.stringify(programs)};
      export const features = { kernel: ${JSON.stringify(FEATURES)}, cluster: ${JSON.stringify(CLUSTER_FEATURES)} };
      export const matches = ${JSON.stringify(names(matches))};
      export const targets = ${JSON.stringify(names(targets))};`;
  },
};

/** Starlight loads its search box, 23 KB, on every page; this loads it when somebody searches. */
export const lazySearch: Plugin = {
  name: 'hopwise-lazy-search',
  enforce: 'pre',
  resolveId(id) {
    if (id === '@pagefind/default-ui') return pathOf('../components/search-ui.ts');
    if (id === 'pagefind-box') return this.resolve('@pagefind/default-ui', undefined, { skipSelf: true });
    return undefined;
  },
};
