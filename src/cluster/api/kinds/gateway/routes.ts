/** HTTPRoute, GRPCRoute, TLSRoute. Models gateway-api/apis/v1/{http,grpc,tls}route_types.go. */

import { isIPv4Text, isIPv6Text } from '../../ip.ts';
import { dns1123Subdomain } from '../../names.ts';
import type { Schema, SchemaRule } from '../../structural.ts';
import { grpcFilters, httpFilters, method } from './filters.ts';
import {
  backendRef,
  duration,
  headerName,
  hostname,
  items,
  list,
  listMap,
  object,
  of,
  oneOf,
  parentRefs,
  routeStatus,
  rule,
  sectionName,
  text,
  type Value,
  weight,
} from './schema.ts';

const PREFIX = { path: { type: 'PathPrefix', value: '/' } };
const CHARACTERS = "^(?:[-A-Za-z0-9/._~!$&'()*+,;=:@]|[%][0-9a-fA-F]{2})+$";
const PLAIN = "when type one of ['Exact', 'PathPrefix']";

/** Rules of paths that are compared as text, not as expressions. */
function pathRule(message: string, holds: (value: string) => boolean): SchemaRule {
  return rule(message, (self) => {
    const { type, value } = of(self);
    return (type !== 'Exact' && type !== 'PathPrefix') || holds(String(value));
  });
}

const path = (): Schema =>
  object(
    { type: oneOf(['Exact', 'PathPrefix', 'RegularExpression'], { default: 'PathPrefix' }), value: text(1024, { default: '/' }) },
    {
      default: { type: 'PathPrefix', value: '/' },
      rules: [
        pathRule("value must be an absolute path and start with '/' when type one of ['Exact', 'PathPrefix']", (v) => v.startsWith('/')),
        ...['//', '/./', '/../', '%2f', '%2F', '#'].map((s) => pathRule(`must not contain '${s}' ${PLAIN}`, (v) => !v.includes(s))),
        ...['/..', '/.'].map((s) => pathRule(`must not end with '${s}' ${PLAIN}`, (v) => !v.endsWith(s))),
        rule("type must be one of ['Exact', 'PathPrefix', 'RegularExpression']", (self) =>
          ['Exact', 'PathPrefix', 'RegularExpression'].includes(String(of(self)['type'])),
        ),
        pathRule(`must only contain valid characters (matching ${CHARACTERS}) for types ['Exact', 'PathPrefix']`, (v) =>
          new RegExp(CHARACTERS).test(v),
        ),
      ],
    },
  );

const nameMatch = (max: number): Schema =>
  object({
    'name!': headerName(),
    type: oneOf(['Exact', 'RegularExpression'], { default: 'Exact' }),
    'value!': text(max, { minLength: 1 }),
  });

const httpMatch = (): Schema =>
  object({
    headers: listMap(nameMatch(4096), 16, 'name'),
    method: method(),
    path: path(),
    queryParams: listMap(nameMatch(1024), 16, 'name'),
  });

const UNITS: Readonly<Record<string, number>> = { h: 3600000, m: 60000, s: 1000, ms: 1 };
function milliseconds(value: unknown): number {
  let sum = 0;
  for (const [, n, unit] of String(value).matchAll(/(\d+)(ms|h|m|s)/g)) sum += Number(n) * (UNITS[unit as string] ?? 0);
  return sum;
}

const prefixFilter = (filters: unknown, key: 'requestRedirect' | 'urlRewrite'): boolean =>
  items(filters).filter((f) => {
    const p = of(of(f[key])['path']);
    return p['type'] === 'ReplacePrefixMatch' && p['replacePrefixMatch'] !== undefined;
  }).length === 1;
const onePrefixMatch = (self: Value): boolean => {
  const matches = items(self['matches']);
  return matches.length === 1 && of(matches[0]?.['path'])['type'] === 'PathPrefix';
};
const inBackends = (self: Value, key: 'requestRedirect' | 'urlRewrite'): boolean =>
  items(self['backendRefs']).filter((b) => prefixFilter(b['filters'], key)).length === 1;
const ONE = 'exactly one PathPrefix match must be specified';

const HTTP_RULES: readonly SchemaRule[] = [
  rule('RequestRedirect filter must not be used together with backendRefs', (self) => {
    const r = of(self);
    return items(r['backendRefs']).length === 0 || items(r['filters']).every((f) => f['requestRedirect'] === undefined);
  }),
  rule(
    `When using RequestRedirect filter with path.replacePrefixMatch, ${ONE}`,
    (self) => !prefixFilter(of(self)['filters'], 'requestRedirect') || onePrefixMatch(of(self)),
  ),
  rule(
    `When using URLRewrite filter with path.replacePrefixMatch, ${ONE}`,
    (self) => !prefixFilter(of(self)['filters'], 'urlRewrite') || onePrefixMatch(of(self)),
  ),
  rule(
    `Within backendRefs, when using RequestRedirect filter with path.replacePrefixMatch, ${ONE}`,
    (self) => !inBackends(of(self), 'requestRedirect') || onePrefixMatch(of(self)),
  ),
  rule(
    `Within backendRefs, When using URLRewrite filter with path.replacePrefixMatch, ${ONE}`,
    (self) => !inBackends(of(self), 'urlRewrite') || onePrefixMatch(of(self)),
  ),
];

const FEW_MATCHES = rule(
  'While 16 rules and 64 matches per rule are allowed, the total number of matches across all rules in a route must be less than 128',
  (self) => items(self).reduce((n, r) => n + items(r['matches']).length, 0) <= 128,
);

export const httpRoute = (): Schema =>
  object({
    'spec!': object({
      hostnames: list(hostname(), 16),
      parentRefs: parentRefs(),
      rules: list(
        object(
          {
            backendRefs: list(backendRef({ filters: httpFilters(), weight: weight() }), 16),
            filters: httpFilters(),
            matches: list(httpMatch(), 64, { default: [PREFIX] }),
            name: sectionName(),
            timeouts: object(
              { backendRequest: duration(), request: duration() },
              {
                rules: [
                  rule('backendRequest timeout cannot be longer than request timeout', (self) => {
                    const { request, backendRequest } = of(self);
                    return (
                      request === undefined ||
                      backendRequest === undefined ||
                      milliseconds(request) === 0 ||
                      milliseconds(backendRequest) <= milliseconds(request)
                    );
                  }),
                ],
              },
            ),
          },
          { rules: HTTP_RULES },
        ),
        16,
        { minItems: 1, default: [{ matches: [PREFIX] }], rules: [FEW_MATCHES] },
      ),
    }),
    status: routeStatus(),
  });

const GRPC_SERVICE = '^(?i)\\.?[a-z_][a-z_0-9]*(\\.[a-z_][a-z_0-9]*)*$';
const GRPC_METHOD = '^[A-Za-z_][A-Za-z_0-9]*$';
const exact = (self: unknown, key: string, form: RegExp): boolean => {
  const v = of(self);
  return (v['type'] ?? 'Exact') !== 'Exact' || v[key] === undefined || form.test(String(v[key]));
};

export const grpcRoute = (): Schema =>
  object({
    'spec!': object({
      hostnames: list(hostname(), 16),
      parentRefs: parentRefs(),
      rules: list(
        object({
          backendRefs: list(backendRef({ filters: grpcFilters(), weight: weight() }), 16),
          filters: grpcFilters(),
          matches: list(
            object({
              headers: listMap(nameMatch(4096), 16, 'name'),
              method: object(
                { method: text(1024), service: text(1024), type: oneOf(['Exact', 'RegularExpression'], { default: 'Exact' }) },
                {
                  rules: [
                    rule(
                      "One or both of 'service' or 'method' must be specified",
                      (self) => of(self)['service'] !== undefined || of(self)['method'] !== undefined,
                    ),
                    rule(`service must only contain valid characters (matching ${GRPC_SERVICE})`, (self) =>
                      exact(self, 'service', /^\.?[a-z_][a-z_0-9]*(\.[a-z_][a-z_0-9]*)*$/i),
                    ),
                    rule(`method must only contain valid characters (matching ${GRPC_METHOD})`, (self) =>
                      exact(self, 'method', new RegExp(GRPC_METHOD)),
                    ),
                  ],
                },
              ),
            }),
            64,
          ),
          name: sectionName(),
        }),
        16,
        { rules: [FEW_MATCHES] },
      ),
    }),
    status: routeStatus(),
  });

const names = (self: unknown): readonly string[] => (Array.isArray(self) ? self.map(String) : []);
const valid = (name: string): boolean => dns1123Subdomain(name).length === 0;

export const tlsRoute = (): Schema =>
  object({
    'spec!': object({
      'hostnames!': list(hostname(), 16, {
        minItems: 1,
        rules: [
          rule('Hostnames cannot contain an IP', (self) => !names(self).some((h) => isIPv4Text(h) || isIPv6Text(h))),
          rule('Hostnames must be valid based on RFC-1123', (self) => names(self).every((h) => h.includes('*') || valid(h))),
          rule('Wildcards on hostnames must be the first label, and the rest of hostname must be valid based on RFC-1123', (self) =>
            names(self).every((h) => !h.includes('*') || (h.startsWith('*.') && valid(h.slice(2)))),
          ),
        ],
      }),
      parentRefs: parentRefs(),
      'rules!': list(object({ 'backendRefs!': list(backendRef({ weight: weight() }), 16, { minItems: 1 }), name: sectionName() }), 1, {
        minItems: 1,
      }),
    }),
    status: routeStatus(),
  });
