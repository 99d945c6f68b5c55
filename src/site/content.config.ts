import { defineCollection } from 'astro:content';
import { i18nLoader } from '@astrojs/starlight/loaders';
import { docsSchema, i18nSchema } from '@astrojs/starlight/schema';
import { glob, type Loader } from 'astro/loaders';
import { z } from 'astro/zod';
import { catalogue } from './build/catalogue.ts';

const written = glob({ base: './content', pattern: '**/[^_]*.{md,mdx}' });

/** What is in content/, and a page for every lab that has none there. */
const pages: Loader = {
  name: 'hopwise-pages',
  async load(context) {
    await written.load(context);
    for (const { id, title, about, minutes } of catalogue()) {
      const page = `labs/${id}`;
      if (context.store.has(page)) continue;
      const front = { title, description: about, lab: id, minutes, generated: true, prev: false, next: false, tableOfContents: false };
      context.store.set({ id: page, data: await context.parseData({ id: page, data: front }), rendered: { html: '' } });
    }
  },
};

const docs = defineCollection({
  loader: pages,
  schema: docsSchema({
    extend: z.object({
      /** The lab that stands beside the prose: a folder of labs/. */
      lab: z.string().optional(),
      /** Which host's tab is in front when the page opens. */
      front: z.string().optional(),
      minutes: z.number().optional(),
      /** Made from a lab that has no page of its own in content/. */
      generated: z.boolean().optional(),
    }),
  }),
});

const i18n = defineCollection({ loader: i18nLoader(), schema: i18nSchema() });

export const collections = { docs, i18n };
