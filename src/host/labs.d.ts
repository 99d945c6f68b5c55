/** The labs as the build bundles them: one chunk a lab, loaded when a page opens it (astro.config.mjs makes the module). */
declare module 'virtual:hopwise-labs' {
  import type { Lab } from '../lab/lab.ts';
  export function loadLab(id: string): Promise<Lab>;
}
