/** The Gateway API as its CustomResourceDefinitions bring it: names, versions, columns, schemas and rules. */

import { registerKind } from '../../kind.ts';
import type { AnyObject, KubeObject } from '../../object.ts';
import { customErrors, prune, type Schema, withDefaults } from '../../structural.ts';
import { age, columns } from '../columns.ts';
import { gateway, gatewayClass, referenceGrant } from './gateways.ts';
import { grpcRoute, httpRoute, tlsRoute } from './routes.ts';
import { GROUP, items, of } from './schema.ts';

interface PrinterColumn {
  readonly name: string;
  readonly type: string;
  readonly jsonPath: string;
  readonly priority?: number;
}

interface Definition {
  readonly kind: string;
  readonly plural: string;
  readonly short?: string;
  readonly cluster?: boolean;
  /** The first one is stored. */
  readonly versions: readonly string[];
  readonly status: boolean;
  readonly schema: Schema;
  readonly columns: readonly PrinterColumn[];
  cells(o: AnyObject, now: string): readonly unknown[];
}

const AGE: PrinterColumn = { name: 'Age', type: 'date', jsonPath: '.metadata.creationTimestamp' };
const HOSTNAMES: PrinterColumn = { name: 'Hostnames', type: 'string', jsonPath: '.spec.hostnames' };
const condition = (o: AnyObject, type: string): string =>
  String(items(of(o['status'])['conditions']).find((c) => c['type'] === type)?.['status'] ?? '');
const conditionColumn = (type: string): PrinterColumn => ({
  name: type,
  type: 'string',
  jsonPath: `.status.conditions[?(@.type=="${type}")].status`,
});
/** A list in a column is shown as its JSON. */
const hostnames = (o: AnyObject): string => {
  const list = of(o['spec'])['hostnames'];
  return Array.isArray(list) ? JSON.stringify(list) : '';
};

const DEFINITIONS: readonly Definition[] = [
  {
    kind: 'GatewayClass',
    plural: 'gatewayclasses',
    short: 'gc',
    cluster: true,
    versions: ['v1', 'v1beta1'],
    status: true,
    schema: gatewayClass(),
    columns: [
      { name: 'Controller', type: 'string', jsonPath: '.spec.controllerName' },
      conditionColumn('Accepted'),
      AGE,
      { name: 'Description', type: 'string', jsonPath: '.spec.description', priority: 1 },
    ],
    cells: (o, now) => [of(o['spec'])['controllerName'], condition(o, 'Accepted'), age(o, now), of(o['spec'])['description'] ?? ''],
  },
  {
    kind: 'Gateway',
    plural: 'gateways',
    short: 'gtw',
    versions: ['v1', 'v1beta1'],
    status: true,
    schema: gateway(),
    columns: [
      { name: 'Class', type: 'string', jsonPath: '.spec.gatewayClassName' },
      { name: 'Address', type: 'string', jsonPath: '.status.addresses[*].value' },
      conditionColumn('Programmed'),
      AGE,
    ],
    cells: (o, now) => [
      of(o['spec'])['gatewayClassName'],
      String(items(of(o['status'])['addresses'])[0]?.['value'] ?? ''),
      condition(o, 'Programmed'),
      age(o, now),
    ],
  },
  {
    kind: 'HTTPRoute',
    plural: 'httproutes',
    versions: ['v1', 'v1beta1'],
    status: true,
    schema: httpRoute(),
    columns: [HOSTNAMES, AGE],
    cells: (o, now) => [hostnames(o), age(o, now)],
  },
  {
    kind: 'GRPCRoute',
    plural: 'grpcroutes',
    versions: ['v1'],
    status: true,
    schema: grpcRoute(),
    columns: [HOSTNAMES, AGE],
    cells: (o, now) => [hostnames(o), age(o, now)],
  },
  {
    kind: 'TLSRoute',
    plural: 'tlsroutes',
    versions: ['v1'],
    status: true,
    schema: tlsRoute(),
    columns: [AGE],
    cells: (o, now) => [age(o, now)],
  },
  {
    kind: 'ReferenceGrant',
    plural: 'referencegrants',
    short: 'refgrant',
    versions: ['v1beta1', 'v1'],
    status: false,
    schema: referenceGrant(),
    columns: [AGE],
    cells: (o, now) => [age(o, now)],
  },
];

/** The schema as a CustomResourceDefinition holds it: rules of our own are functions and stay behind. */
function published(schema: Schema): Schema {
  const { rules: _rules, properties, items: of, additionalProperties, ...rest } = schema;
  return {
    ...rest,
    ...(properties ? { properties: Object.fromEntries(Object.entries(properties).map(([k, v]) => [k, published(v)])) } : {}),
    ...(of ? { items: published(of) } : {}),
    ...(typeof additionalProperties === 'object' ? { additionalProperties: published(additionalProperties) } : {}),
  };
}

const ROOT: Readonly<Record<string, Schema>> = { apiVersion: { type: 'string' }, kind: { type: 'string' }, metadata: { type: 'object' } };

/** What `kubectl apply -f standard-install.yaml` of Gateway API v1.5.1 creates, as far as it is emulated. */
export function gatewayDefinitions(): KubeObject[] {
  return DEFINITIONS.map((d) => {
    const schema = published(d.schema);
    const openAPIV3Schema = { ...schema, properties: { ...ROOT, ...schema.properties } };
    return {
      apiVersion: 'apiextensions.k8s.io/v1',
      kind: 'CustomResourceDefinition',
      metadata: {
        name: `${d.plural}.${GROUP}`,
        annotations: {
          'api-approved.kubernetes.io': 'https://github.com/kubernetes-sigs/gateway-api/pull/4530',
          'gateway.networking.k8s.io/bundle-version': 'v1.5.1',
          'gateway.networking.k8s.io/channel': 'standard',
        },
      },
      spec: {
        group: GROUP,
        names: {
          categories: ['gateway-api'],
          kind: d.kind,
          listKind: `${d.kind}List`,
          plural: d.plural,
          ...(d.short ? { shortNames: [d.short] } : {}),
          singular: d.kind.toLowerCase(),
        },
        scope: d.cluster ? 'Cluster' : 'Namespaced',
        versions: d.versions.map((name, i) => ({
          name,
          served: true,
          storage: i === 0,
          additionalPrinterColumns: d.columns,
          schema: { openAPIV3Schema },
          ...(d.status ? { subresources: { status: {} } } : {}),
        })),
      },
    } as unknown as KubeObject;
  });
}

for (const d of DEFINITIONS)
  registerKind<AnyObject>(`${d.kind}.${GROUP}`, {
    defaults: (o) => withDefaults(d.schema, prune(d.schema, o, [])) as AnyObject,
    // The default status counts as given: a controller finds `Waiting for controller`.
    prepareForCreate: (o) =>
      d.status && d.schema.properties?.['status']?.default !== undefined ? { ...o, status: d.schema.properties['status'].default } : o,
    validate: (o) => customErrors(d.schema, o, undefined),
    validateUpdate: (o, old) => customErrors(d.schema, o, old),
    validateStatusUpdate: (o, old) => customErrors(d.schema, o, old),
    columns: columns(['Name', ...d.columns.map((c) => (c.priority ? `+${c.name}` : c.name))].join('|')),
    row: (o, now) => [o.metadata.name, ...d.cells(o, now)],
  });

/** Paths that the schema of a Gateway API kind does not know. */
export function unknownGatewayFields(kind: string, object: unknown): string[] {
  const found: string[] = [];
  const d = DEFINITIONS.find((x) => x.kind === kind);
  if (d) prune(d.schema, object, found);
  return found;
}
