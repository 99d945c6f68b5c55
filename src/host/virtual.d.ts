/** Modules that the site's build makes (src/site/build/plugins.ts): labs, one chunk each, and the programs that load after the prompt. */
declare module 'virtual:hopwise-labs' {
  import type { Lab } from '../lab/lab.ts';
  export function loadLab(id: string): Promise<Lab>;
}

declare module 'virtual:hopwise-programs' {
  export function loadPrograms(): Promise<void>;
}
