/** Resources that a server serves: the built-in ones and those of its CustomResourceDefinitions. Models runtime.Scheme and the RESTMapper. */

import { BUILT_IN, groupVersion, type ResourceDef, resourceName } from './resources.ts';

export class Scheme {
  private readonly byName = new Map<string, ResourceDef>();
  private readonly byPath = new Map<string, ResourceDef>();
  private readonly byKind = new Map<string, ResourceDef>();
  private readonly custom = new Map<string, readonly ResourceDef[]>();
  /** Counts changes: for caches of discovery documents. */
  generation = 0;

  constructor() {
    for (const def of BUILT_IN) this.add(def);
  }

  private add(def: ResourceDef): void {
    const name = resourceName(def);
    if (!this.byName.has(name)) this.byName.set(name, def);
    this.byPath.set(`${groupVersion(def)}/${def.plural}`, def);
    this.byKind.set(`${groupVersion(def)}/${def.kind}`, def);
  }

  /** `pods`, `deployments.apps`: the preferred version. */
  named(name: string): ResourceDef | undefined {
    return this.byName.get(name);
  }

  /** By path: `apps/v1/deployments`. */
  at(groupVersion: string, plural: string): ResourceDef | undefined {
    return this.byPath.get(`${groupVersion}/${plural}`);
  }

  ofKind(apiVersion: string, kind: string): ResourceDef | undefined {
    return this.byKind.get(`${apiVersion}/${kind}`);
  }

  /** Built-in ones in discovery's order, then custom ones by group and name. */
  all(): readonly ResourceDef[] {
    const custom = [...this.custom.entries()].sort(([a], [b]) => (a < b ? -1 : 1)).flatMap(([, defs]) => defs);
    return custom.length === 0 ? BUILT_IN : [...BUILT_IN, ...custom];
  }

  /** Versions of one custom resource, the preferred first; an empty list takes it away. */
  setCustom(name: string, defs: readonly ResourceDef[]): void {
    for (const def of this.custom.get(name) ?? []) {
      this.byName.delete(resourceName(def));
      this.byPath.delete(`${groupVersion(def)}/${def.plural}`);
      this.byKind.delete(`${groupVersion(def)}/${def.kind}`);
    }
    this.custom.delete(name);
    if (defs.length > 0) this.custom.set(name, defs);
    for (const def of defs) this.add(def);
    this.generation++;
  }
}
