import preact from '@astrojs/preact';
import starlight from '@astrojs/starlight';
import { defineConfig } from 'astro/config';
import { catalogue } from './src/site/build/catalogue.ts';
import { labList, labs, lateStyles, lazySearch, support } from './src/site/build/plugins.ts';
import { PASSES_ON, programs } from './src/site/build/programs.ts';
import { staticHost } from './src/site/build/static.ts';
import { sidebar } from './src/site/course.ts';

/** Where the site will stand, for canonical links and the sitemap; a fresh clone needs neither. */
const site = process.env.HOPWISE_SITE || undefined;
const base = process.env.HOPWISE_BASE || '/';

export default defineConfig({
  site,
  base,
  srcDir: './src/site',
  publicDir: './public',
  devToolbar: { enabled: false },
  vite: {
    plugins: [labs, labList, programs, lazySearch, lateStyles, support],
    optimizeDeps: { include: ['unbash', '@xterm/xterm', '@xterm/addon-fit'] },
    worker: {
      format: 'es',
      plugins: () => [labs, programs],
      rolldownOptions: {
        treeshake: { moduleSideEffects: (id) => !PASSES_ON.test(id) },
        // What the prompt needs travels as one file, which compresses best.
        output: { codeSplitting: { groups: [{ name: 'first', tags: ['$initial'] }] } },
      },
    },
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
        Pagination: './src/site/components/Pagination.astro',
      },
      head: [
        { tag: 'meta', attrs: { name: 'color-scheme', content: 'dark light' } },
        { tag: 'meta', attrs: { name: 'theme-color', content: '#0b1015' } },
        { tag: 'link', attrs: { rel: 'manifest', href: `${base.replace(/\/?$/, '/')}manifest.webmanifest` } },
        { tag: 'link', attrs: { rel: 'apple-touch-icon', href: `${base.replace(/\/?$/, '/')}icons/180.png` } },
      ],
      sidebar: [
        ...sidebar,
        {
          label: 'Labs',
          items: [{ label: 'All labs', slug: 'labs' }, ...catalogue().map(({ id, title }) => ({ label: title, slug: `labs/${id}` }))],
        },
        { label: 'For authors', items: [{ label: 'Write a lab', slug: 'authors/write-a-lab' }] },
        {
          label: 'Reference',
          items: [
            { label: 'What is emulated', slug: 'reference/emulated' },
            { label: 'The lab format', slug: 'reference/lab-format' },
          ],
        },
      ],
    }),
    staticHost,
  ],
});
