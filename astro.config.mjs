import { fileURLToPath } from 'node:url';
import preact from '@astrojs/preact';
import starlight from '@astrojs/starlight';
import { defineConfig } from 'astro/config';
import { labIds, loadLab } from './src/cli/labs.ts';
import { sidebar } from './src/site/course.ts';

/** Where the site will stand, for canonical links and the sitemap; a fresh clone needs neither. */
const site = process.env.HOPWISE_SITE || undefined;
const base = process.env.HOPWISE_BASE || '/';

/** `virtual:hopwise-labs`: every lab read and checked at build time, one chunk each; what only authors need stays out. */
const labs = {
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
    return `export default ${JSON.stringify({ ...lab, alternatives: [], decoys: [] })}`;
  },
};

/** Starlight loads its search box on every page; this loads it when somebody searches. */
const lazySearch = {
  name: 'hopwise-lazy-search',
  enforce: 'pre',
  resolveId(id) {
    if (id === '@pagefind/default-ui') return fileURLToPath(new URL('./src/site/components/search-ui.ts', import.meta.url));
    if (id === 'pagefind-box') return this.resolve('@pagefind/default-ui', undefined, { skipSelf: true });
    return undefined;
  },
};

export default defineConfig({
  site,
  base,
  srcDir: './src/site',
  publicDir: './public',
  devToolbar: { enabled: false },
  vite: {
    plugins: [labs, lazySearch],
    worker: { format: 'es', plugins: () => [labs] },
    build: {
      rolldownOptions: {
        onLog(level, log, next) {
          if (log.code !== 'MODULE_LEVEL_DIRECTIVE') next(level, log);
        },
      },
    },
  },
  integrations: [
    preact(),
    starlight({
      title: 'Hopwise',
      description: 'Kubernetes networking on a live cluster in your browser: type real commands, follow every hop.',
      logo: { src: './src/site/assets/logo.svg', alt: '' },
      favicon: '/favicon.svg',
      credits: false,
      pagination: true,
      disable404Route: true,
      markdown: { processedDirs: ['./content'] },
      customCss: ['./src/site/styles/theme.css', './src/site/styles/lesson.css'],
      components: {
        Search: './src/site/components/Search.astro',
        TwoColumnContent: './src/site/components/TwoColumnContent.astro',
        PageTitle: './src/site/components/PageTitle.astro',
      },
      head: [{ tag: 'meta', attrs: { name: 'color-scheme', content: 'dark light' } }],
      sidebar,
    }),
  ],
});
