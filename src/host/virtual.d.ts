/** Modules that the site's build makes (src/site/build/plugins.ts): labs, one chunk each, the programs that load after the prompt, what is emulated. */
declare module 'virtual:hopwise-labs' {
  import type { LabSource } from '../lab/lab.ts';
  export function loadLab(id: string): Promise<LabSource>;
}

declare module 'virtual:hopwise-catalogue' {
  export const labs: readonly {
    readonly id: string;
    readonly title: string;
    readonly level: 'beginner' | 'intermediate' | 'advanced' | 'expert';
    readonly minutes: number;
    readonly communication: string | null;
    readonly about: string;
  }[];
}

declare module 'virtual:hopwise-programs' {
  /** All of them, or those that the world of a lab needs until PROGRAM_HORIZON. */
  export function loadPrograms(lab?: string): Promise<void>;
}

declare module 'virtual:hopwise-support' {
  export const programs: readonly {
    name: string;
    summary?: string;
    section?: number;
    models?: string | null;
    missing?: readonly string[];
  }[];
  type Feature = { area: string; feature: string; level: 'emulated' | 'partly' | 'absent'; note?: string };
  export const features: { readonly kernel: readonly Feature[]; readonly cluster: readonly Feature[] };
  export const matches: readonly string[];
  export const targets: readonly string[];
}
