/** CustomResourceDefinitions: what they add to the scheme, their schemas, columns and conditions. Models apiextensions-apiserver. */

import { MS } from '../../sim/sim.ts';
import { duplicateFields } from './decode.ts';
import { collect } from './deletion.ts';
import { compareVersions } from './discovery.ts';
import { equal, isObject } from './equal.ts';
import { jsonPath } from './jsonpath.ts';
import { type Column, type Decoder, type KindRules, registeredRules } from './kind.ts';
import { registerCustom } from './listtypes.ts';
import type { AnyObject } from './object.ts';
import type { TableSource } from './render.ts';
import type { ResourceDef, Subresource } from './resources.ts';
import type { ApiServer } from './server.ts';
import { customErrors, prune, type Schema, withDefaults } from './structural.ts';
import { ageOf } from './time.ts';

interface PrinterColumn {
  readonly name: string;
  readonly type: string;
  readonly format?: string;
  readonly description?: string;
  readonly priority?: number;
  readonly jsonPath: string;
}

interface CustomVersion {
  readonly name: string;
  readonly served: boolean;
  readonly storage: boolean;
  readonly schema?: { readonly openAPIV3Schema?: Schema };
  readonly subresources?: { readonly status?: object; readonly scale?: object };
  readonly additionalPrinterColumns?: readonly PrinterColumn[];
  readonly selectableFields?: readonly { readonly jsonPath: string }[];
}

interface DefinitionSpec {
  readonly group: string;
  readonly scope: string;
  readonly names: {
    readonly kind: string;
    readonly plural: string;
    readonly singular?: string;
    readonly listKind?: string;
    readonly shortNames?: readonly string[];
    readonly categories?: readonly string[];
  };
  readonly versions: readonly CustomVersion[];
}

const VERBS = ['delete', 'deletecollection', 'get', 'list', 'patch', 'create', 'update', 'watch'];
const WRITES = ['get', 'patch', 'update'];

interface Known {
  readonly def: ResourceDef;
  readonly version: CustomVersion;
}

export class Customs {
  private readonly server: ApiServer;
  private readonly known = new Map<ResourceDef, Known>();
  private readonly tables = new Map<ResourceDef, TableSource>();

  constructor(server: ApiServer) {
    this.server = server;
  }

  changed(definition: AnyObject | undefined, old: AnyObject | undefined): void {
    const name = (definition ?? (old as AnyObject)).metadata.name;
    const spec = definition?.spec as DefinitionSpec | undefined;
    if (spec && old && equal(spec, old.spec)) return;
    for (const def of this.known.keys()) {
      if (`${def.plural}.${def.group}` !== name) continue;
      if (!spec) collect(this.server.call({ name: 'system:apiserver', groups: ['system:masters'] }, 'kube-apiserver'), def, {}, {});
      this.known.delete(def);
    }
    this.server.scheme.setCustom(name, spec ? this.define(spec) : []);
    if (spec && !old) this.server.sim.schedule(1 * MS, () => this.establish(name));
  }

  private define(spec: DefinitionSpec): ResourceDef[] {
    const versions = spec.versions.filter((v) => v.served).sort((a, b) => compareVersions(a.name, b.name));
    return versions.map((version) => {
      const subresources: Subresource[] = [];
      if (version.subresources?.scale)
        subresources.push({ name: 'scale', kind: 'Scale', group: 'autoscaling', version: 'v1', verbs: WRITES });
      if (version.subresources?.status) subresources.push({ name: 'status', kind: spec.names.kind, verbs: WRITES });
      const def: ResourceDef = {
        group: spec.group,
        version: version.name,
        kind: spec.names.kind,
        plural: spec.names.plural,
        singular: spec.names.singular || spec.names.kind.toLowerCase(),
        shortNames: spec.names.shortNames ?? [],
        namespaced: spec.scope === 'Namespaced',
        categories: spec.names.categories ?? [],
        verbs: VERBS,
        subresources,
        generation: true,
        schema: '',
        conditional: true,
        virtual: false,
        typing: registerCustom(spec.group, version.name, spec.names.kind, version.schema?.openAPIV3Schema ?? {}),
        rules: rulesFrom(version),
      };
      this.known.set(def, { def, version });
      return def;
    });
  }

  private establish(name: string): void {
    const { server } = this;
    const found = server.peek('customresourcedefinitions.apiextensions.k8s.io', '', name);
    if (!found) return;
    const spec = found.spec as DefinitionSpec;
    const condition = (type: string, reason: string, message: string): object => ({
      lastTransitionTime: server.now,
      message,
      ...(found.metadata.generation ? { observedGeneration: found.metadata.generation } : {}),
      reason,
      status: 'True',
      type,
    });
    const { names } = spec;
    const status = {
      acceptedNames: { ...names, listKind: names.listKind || `${names.kind}List`, singular: names.singular || names.kind.toLowerCase() },
      conditions: [
        condition('NamesAccepted', 'NoConflicts', 'no conflicts found'),
        condition('Established', 'InitialNamesAccepted', 'the initial names have been accepted'),
      ],
      storedVersions: spec.versions.filter((v) => v.storage).map((v) => v.name),
    };
    server
      .client({ name: 'kube-apiserver', groups: ['system:masters'] })
      .update({ ...found, status } as AnyObject, { subresource: 'status' });
  }

  /** Pruned and with its unknown fields named; undefined when the resource is none of these. */
  decode(def: ResourceDef, json: unknown, text: string): ReturnType<Decoder['decode']> | undefined {
    const known = this.known.get(def);
    if (!known) return undefined;
    const schema = known.version.schema?.openAPIV3Schema;
    const strict: string[] = [];
    const object = schema ? prune(schema, json, strict) : json;
    const doubles = text === '' ? [] : duplicateFields(text);
    return {
      object: object as AnyObject,
      strict: [...doubles, ...strict.map((path) => (path.startsWith('unknown field') ? path : `unknown field ${JSON.stringify(path)}`))],
    };
  }

  schema(def: ResourceDef): object | undefined {
    return this.known.get(def)?.version.schema?.openAPIV3Schema;
  }

  table(def: ResourceDef): TableSource | undefined {
    const known = this.known.get(def);
    if (!known) return undefined;
    const made = this.tables.get(def) ?? tableOf(def, known.version);
    this.tables.set(def, made);
    return made;
  }
}

function rulesFrom(version: CustomVersion): KindRules {
  const schema = version.schema?.openAPIV3Schema;
  if (!schema) return {};
  const known = (o: AnyObject): AnyObject => withDefaults(schema, prune(schema, o, [])) as AnyObject;
  return {
    defaults: known,
    validate: (o) => customErrors(schema, o, undefined),
    validateUpdate: (o, old) => customErrors(schema, o, old),
    validateStatusUpdate: (o, old) => customErrors(schema, o, old),
  };
}

const AGE: PrinterColumn = { name: 'Age', type: 'date', jsonPath: '.metadata.creationTimestamp' };

function tableOf(def: ResourceDef, version: CustomVersion): TableSource {
  const own = registeredRules(def);
  if (own?.columns && own.row) return { columns: own.columns, row: (o, now) => own.row?.(o, now) ?? [] };
  const printed = version.additionalPrinterColumns?.length ? version.additionalPrinterColumns : [AGE];
  const columns: Column[] = [
    { name: 'Name', type: 'string', format: 'name', description: 'Name must be unique within a namespace.', priority: 0 },
    ...printed.map(
      (c): Column => ({
        name: c.name,
        type: c.type as Column['type'],
        format: c.format ?? '',
        description: c.description ?? '',
        priority: c.priority ?? 0,
      }),
    ),
  ];
  const paths = printed.map((c) => jsonPath(c.jsonPath));
  return {
    columns,
    row: (o, now) => [
      o.metadata.name,
      ...printed.map((c, i) => {
        const found = paths[i]?.(o) ?? [];
        if (found.length === 0) return null;
        if (c.type === 'date') return ageOf(String(found[0]), now);
        if (found.length > 1) return found.map(cell).join(',');
        return typeof found[0] === 'object' ? cell(found[0]) : found[0];
      }),
    ],
  };
}

const cell = (v: unknown): string => (isObject(v) || Array.isArray(v) ? JSON.stringify(v) : String(v));
