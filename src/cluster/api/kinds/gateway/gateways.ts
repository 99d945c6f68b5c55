/** Gateway, GatewayClass, ReferenceGrant. Models gateway-api/apis/v1/{gateway,gatewayclass,referencegrant}_types.go. */

import { equal } from '../../equal.ts';
import type { Schema } from '../../structural.ts';
import {
  addressType,
  conditions,
  controller,
  GROUP,
  group,
  hostname,
  integer,
  items,
  kind,
  LABEL_SELECTOR,
  list,
  listMap,
  localRef,
  map,
  namespace,
  object,
  objectName,
  of,
  oneOf,
  pending,
  port,
  protocol,
  rule,
  secretRef,
  sectionName,
  text,
  type Value,
} from './schema.ts';

const HOSTNAME = '^(\\*\\.)?[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$';
const KEY = /^([a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*\/)?([A-Za-z0-9][-A-Za-z0-9_.]{0,61})?[A-Za-z0-9]$/;

const keyRules = (what: 'Annotation' | 'Label'): NonNullable<Schema['rules']> => [
  rule(
    `${what} keys must be in the form of an optional DNS subdomain prefix followed by a required name segment of up to 63 characters.`,
    (self) => Object.keys(of(self)).every((k) => KEY.test(k)),
  ),
  rule(`If specified, the ${what.toLowerCase()} key's prefix must be a DNS subdomain not longer than 253 characters in total.`, (self) =>
    Object.keys(of(self)).every((k) => (k.split('/')[0] as string).length < 253),
  ),
];

const IP_OR_OTHER: Partial<Schema> = {
  anyOf: [
    { properties: { type: { enum: ['IPAddress'] }, value: { anyOf: [{ format: 'ipv4' }, { format: 'ipv6' }] } } },
    { properties: { type: { not: { enum: ['IPAddress'] } } } },
  ],
};
const unique = (type: string): NonNullable<Schema['rules']>[number] =>
  rule(`${type} values must be unique`, (self) =>
    items(self).every(
      (a) =>
        a['type'] !== type ||
        a['value'] === undefined ||
        items(self).filter((b) => b['type'] === type && b['value'] === a['value']).length === 1,
    ),
  );

const from = (values: readonly string[], fallback: string): Schema =>
  object({ from: oneOf(values, { default: fallback }), selector: LABEL_SELECTOR() }, { default: { from: fallback } });

const routeKinds = (): Schema => list(object({ group: group({ default: GROUP }), 'kind!': kind() }), 8);

const frontendValidation = (): Schema =>
  object({
    validation: object({
      'caCertificateRefs!': list(object({ 'group!': group(), 'kind!': kind(), 'name!': objectName(), namespace: namespace() }), 8, {
        minItems: 1,
      }),
      mode: oneOf(['AllowValidOnly', 'AllowInsecureFallback'], { default: 'AllowValidOnly' }),
    }),
  });

const listener = (): Schema =>
  object({
    allowedRoutes: object(
      { kinds: routeKinds(), namespaces: from(['All', 'Selector', 'Same'], 'Same') },
      { default: { namespaces: { from: 'Same' } } },
    ),
    hostname: hostname(),
    'name!': sectionName(),
    'port!': port(),
    'protocol!': protocol(),
    tls: object(
      {
        certificateRefs: list(secretRef(), 64),
        mode: oneOf(['Terminate', 'Passthrough'], { default: 'Terminate' }),
        options: map(text(4096, { minLength: 0 }), 16),
      },
      {
        rules: [
          rule('certificateRefs or options must be specified when mode is Terminate', (self) => {
            const t = of(self);
            return t['mode'] !== 'Terminate' || items(t['certificateRefs']).length > 0 || Object.keys(of(t['options'])).length > 0;
          }),
        ],
      },
    ),
  });

const tlsMode = (l: Value): unknown => of(l['tls'])['mode'];
const every = (message: string, holds: (l: Value) => boolean): NonNullable<Schema['rules']>[number] =>
  rule(message, (self) => items(self).every(holds));

export const gateway = (): Schema => {
  const waiting = [pending('Accepted'), pending('Programmed')];
  return object({
    'spec!': object({
      addresses: list(
        object(
          { type: addressType(), value: text(253) },
          {
            ...IP_OR_OTHER,
            rules: [
              rule(`Hostname value must be empty or contain only valid characters (matching ${HOSTNAME})`, (self) => {
                const a = of(self);
                return a['type'] !== 'Hostname' || a['value'] === undefined || new RegExp(HOSTNAME).test(String(a['value']));
              }),
            ],
          },
        ),
        16,
        { rules: [unique('IPAddress'), unique('Hostname')] },
      ),
      allowedListeners: object({ namespaces: from(['All', 'Selector', 'Same', 'None'], 'None') }),
      'gatewayClassName!': objectName(),
      infrastructure: object({
        annotations: map(text(4096, { minLength: 0 }), 8, { rules: keyRules('Annotation') }),
        labels: map(text(63, { minLength: 0, pattern: '^(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?$' }), 8, { rules: keyRules('Label') }),
        parametersRef: localRef(),
      }),
      'listeners!': listMap(listener(), 64, 'name', {
        minItems: 1,
        rules: [
          every(
            "tls must not be specified for protocols ['HTTP', 'TCP', 'UDP']",
            (l) => !['HTTP', 'TCP', 'UDP'].includes(String(l['protocol'])) || l['tls'] === undefined,
          ),
          every(
            'tls mode must be Terminate for protocol HTTPS',
            (l) => l['protocol'] !== 'HTTPS' || l['tls'] === undefined || tlsMode(l) === '' || tlsMode(l) === 'Terminate',
          ),
          every('tls mode must be set for protocol TLS', (l) => l['protocol'] !== 'TLS' || Boolean(tlsMode(l))),
          every(
            "hostname must not be specified for protocols ['TCP', 'UDP']",
            (l) => !['TCP', 'UDP'].includes(String(l['protocol'])) || !l['hostname'],
          ),
          rule('Listener name must be unique within the Gateway', (self) =>
            items(self).every((a) => items(self).filter((b) => b['name'] === a['name']).length === 1),
          ),
          rule('Combination of port, protocol and hostname must be unique for each listener', (self) =>
            items(self).every(
              (a) =>
                items(self).filter((b) => a['port'] === b['port'] && a['protocol'] === b['protocol'] && a['hostname'] === b['hostname'])
                  .length === 1,
            ),
          ),
        ],
      }),
      tls: object({
        backend: object({ clientCertificateRef: secretRef() }),
        frontend: object({
          'default!': frontendValidation(),
          perPort: listMap(object({ 'port!': port(), 'tls!': frontendValidation() }), 64, 'port'),
        }),
      }),
    }),
    status: object(
      {
        addresses: list(object({ type: addressType(), 'value!': text(253, { minLength: 1 }) }, IP_OR_OTHER), 16),
        attachedListenerSets: integer(),
        conditions: conditions({ default: waiting }),
        listeners: listMap(
          object({ 'attachedRoutes!': integer(), 'conditions!': conditions(), 'name!': sectionName(), supportedKinds: routeKinds() }),
          64,
          'name',
        ),
      },
      { default: { conditions: waiting } },
    ),
  });
};

export const gatewayClass = (): Schema => {
  const waiting = [pending('Accepted')];
  return object({
    'spec!': object({
      'controllerName!': {
        ...controller(),
        rules: [{ message: 'Value is immutable', transition: true, holds: (self, old) => equal(self, old) }],
      },
      description: text(64),
      parametersRef: object({ 'group!': group(), 'kind!': kind(), 'name!': objectName(), namespace: namespace() }),
    }),
    status: object(
      { conditions: conditions({ default: waiting }), supportedFeatures: listMap(object({ 'name!': text() }), 64, 'name') },
      { default: { conditions: waiting } },
    ),
  });
};

export const referenceGrant = (): Schema =>
  object({
    spec: object({
      'from!': list(object({ 'group!': group(), 'kind!': kind(), 'namespace!': namespace() }), 16, { minItems: 1 }),
      'to!': list(object({ 'group!': group(), 'kind!': kind(), name: objectName() }), 16, { minItems: 1 }),
    }),
  });
