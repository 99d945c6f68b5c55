/** What the build adds to Vite: labs as modules, tables of what is emulated, a search box that loads when it is opened. */

import { fileURLToPath, pathToFileURL } from 'node:url';
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

/**
 * Monaco's styles go with Monaco: its style sheets become modules that adopt them when they are loaded. As plain imports, Astro would put
 * all of them into the head of every page with a terminal.
 */
export const lateStyles: Plugin = {
  name: 'hopwise-late-styles',
  enforce: 'pre',
  resolveId(source, importer) {
    if (!source.endsWith('.css') || !importer?.includes('/monaco-editor/')) return undefined;
    return `\0hopwise-style:${fileURLToPath(new URL(source, pathToFileURL(importer)))}.js`;
  },
  load(id) {
    if (!id.startsWith('\0hopwise-style:')) return undefined;
    const path = id.slice('\0hopwise-style:'.length, -'.js'.length);
    return `import { adopt } from ${JSON.stringify(pathOf('../workspace/style.ts'))};
      import css from ${JSON.stringify(`${path}?inline`)};
      adopt(css);`;
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
