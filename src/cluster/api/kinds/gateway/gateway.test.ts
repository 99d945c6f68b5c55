import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { errorText } from '../../field.ts';
import { rulesOf } from '../../kind.ts';
import type { AnyObject } from '../../object.ts';
import { Harness } from '../harness.ts';
import { gatewayDefinitions, unknownGatewayFields } from './index.ts';

const GROUP = 'gateway.networking.k8s.io';
function create(kind: string, spec: string): { object: AnyObject; errors: string[] } {
  const rules = rulesOf({ kind, group: GROUP });
  const given = {
    apiVersion: `${GROUP}/v1`,
    kind,
    metadata: { name: 'a', namespace: 'default' },
    spec: parse(spec),
  } as unknown as AnyObject;
  const object = rules.defaults?.(given) ?? given;
  return { object, errors: (rules.validate?.(object, new Harness().context()) ?? []).map(errorText) };
}

test('defaults of an HTTPRoute', () => {
  const { object, errors } = create('HTTPRoute', '{parentRefs: [{name: gw}], rules: [{backendRefs: [{name: web, port: 80}]}]}');
  expect(errors).toEqual([]);
  expect(object['spec']).toEqual({
    parentRefs: [{ group: GROUP, kind: 'Gateway', name: 'gw' }],
    rules: [
      {
        backendRefs: [{ group: '', kind: 'Service', name: 'web', port: 80, weight: 1 }],
        matches: [{ path: { type: 'PathPrefix', value: '/' } }],
      },
    ],
  });
});

test('messages of schemas and rules', () => {
  const UNCHECKED =
    '<nil>: Invalid value: null: some validation rules were not checked because the object was invalid; correct the existing errors to complete validation';
  const rows: readonly (readonly [string, string, readonly string[]])[] = [
    ['Gateway', '{gatewayClassName: x}', ['spec.listeners: Required value', UNCHECKED]],
    [
      'Gateway',
      '{gatewayClassName: x, listeners: [{name: a, port: 70000, protocol: HTTP}]}',
      ['spec.listeners[0].port: Invalid value: 70000: spec.listeners[0].port in body should be less than or equal to 65535'],
    ],
    [
      'Gateway',
      '{gatewayClassName: x, listeners: [{name: a, port: 80, protocol: HTTP, tls: {mode: Terminate, certificateRefs: [{name: c}]}}]}',
      ["spec.listeners: Invalid value: tls must not be specified for protocols ['HTTP', 'TCP', 'UDP']"],
    ],
    [
      'Gateway',
      '{gatewayClassName: x, listeners: [{name: a, port: 80, protocol: HTTP}, {name: b, port: 80, protocol: HTTP}]}',
      ['spec.listeners: Invalid value: Combination of port, protocol and hostname must be unique for each listener'],
    ],
    [
      'HTTPRoute',
      '{rules: [{backendRefs: [{name: web}]}]}',
      ['spec.rules[0].backendRefs[0]: Invalid value: Must have port for Service reference'],
    ],
  ];
  for (const [kind, spec, want] of rows) expect(create(kind, spec).errors, spec).toEqual(want);
});

test('unknown fields, and the definitions that bring the kinds', () => {
  expect(unknownGatewayFields('HTTPRoute', { kind: 'HTTPRoute', spec: { rulez: [], rules: [{ matchez: 1 }] } })).toEqual([
    'spec.rules[0].matchez',
    'spec.rulez',
  ]);
  expect(gatewayDefinitions().map((d) => d.metadata.name)).toContain(`httproutes.${GROUP}`);
});
