import { defineCollection } from 'astro:content';
import { i18nLoader } from '@astrojs/starlight/loaders';
import { docsSchema, i18nSchema } from '@astrojs/starlight/schema';
import { glob } from 'astro/loaders';
import { z } from 'astro/zod';

const docs = defineCollection({
  loader: glob({ base: './content', pattern: '**/[^_]*.{md,mdx}' }),
  schema: docsSchema({
    extend: z.object({
      /** The lab that stands beside the prose: a folder of labs/. */
      lab: z.string().optional(),
      /** Which host's tab is in front when the page opens. */
      front: z.string().optional(),
      minutes: z.number().optional(),
    }),
  }),
});

const i18n = defineCollection({ loader: i18nLoader(), schema: i18nSchema() });

export const collections = { docs, i18n };
