/** Filters of HTTPRoute and GRPCRoute. Models HTTPRouteFilter, GRPCRouteFilter and their rules. */

import type { Schema, SchemaRule } from '../../structural.ts';
import {
  backendRef,
  headerName,
  integer,
  items,
  list,
  listMap,
  localRef,
  object,
  of,
  oneOf,
  port,
  preciseHostname,
  rule,
  set,
  text,
} from './schema.ts';

const headers = (): Schema => listMap(object({ 'name!': headerName(), 'value!': text(4096, { minLength: 1 }) }), 16, 'name');
const headerModifier = (): Schema => object({ add: headers(), remove: set(text(), 16), set: headers() });

const mirror = (): Schema =>
  object(
    {
      'backendRef!': backendRef(),
      fraction: object(
        { denominator: integer(1, undefined, { default: 100 }), 'numerator!': integer(0) },
        {
          rules: [
            rule(
              'numerator must be less than or equal to denominator',
              (self) => Number(of(self)['numerator']) <= Number(of(self)['denominator'] ?? 100),
            ),
          ],
        },
      ),
      percent: integer(0, 100),
    },
    {
      rules: [
        rule(
          'Only one of percent or fraction may be specified in HTTPRequestMirrorFilter',
          (self) => of(self)['percent'] === undefined || of(self)['fraction'] === undefined,
        ),
      ],
    },
  );

function pathModifier(): Schema {
  const pairs = [
    ['ReplaceFullPath', 'replaceFullPath'],
    ['ReplacePrefixMatch', 'replacePrefixMatch'],
  ] as const;
  const rules = pairs.flatMap(([type, key]) => [
    rule(`${key} must be specified when type is set to '${type}'`, (self) => of(self)['type'] !== type || of(self)[key] !== undefined),
    rule(`type must be '${type}' when ${key} is set`, (self) => of(self)[key] === undefined || of(self)['type'] === type),
  ]);
  return object(
    { replaceFullPath: text(1024), replacePrefixMatch: text(1024), 'type!': oneOf(['ReplaceFullPath', 'ReplacePrefixMatch']) },
    { rules },
  );
}

const alone = (what: string, plural: string): SchemaRule =>
  rule(`${what} cannot contain '*' alongside other ${plural}`, (self) => !(Array.isArray(self) && self.includes('*') && self.length > 1));
const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'CONNECT', 'OPTIONS', 'TRACE', 'PATCH'];
export const method = (): Schema => oneOf(METHODS);

const cors = (): Schema =>
  object({
    allowCredentials: { type: 'boolean' },
    allowHeaders: set(headerName(), 64, { rules: [alone('AllowHeaders', 'methods')] }),
    allowMethods: set(oneOf([...METHODS, '*']), 9, { rules: [alone('AllowMethods', 'methods')] }),
    allowOrigins: set(
      text(253, {
        minLength: 1,
        pattern: '(^\\*$)|(^(http(s)?):\\/\\/(((\\*\\.)?([a-zA-Z0-9\\-]+\\.)*[a-zA-Z0-9-]+|\\*)(:([0-9]{1,5}))?)$)',
      }),
      64,
      { rules: [alone('AllowOrigins', 'origins')] },
    ),
    exposeHeaders: set(headerName(), 64),
    maxAge: integer(1, undefined, { default: 5 }),
  });

const redirect = (): Schema =>
  object({
    hostname: preciseHostname(),
    path: pathModifier(),
    port: port(),
    scheme: oneOf(['http', 'https']),
    statusCode: oneOf([301, 302, 303, 307, 308], { default: 302 }),
  });

/** Filter types with the member that each needs. */
const HTTP = {
  CORS: 'cors',
  RequestHeaderModifier: 'requestHeaderModifier',
  ResponseHeaderModifier: 'responseHeaderModifier',
  RequestMirror: 'requestMirror',
  RequestRedirect: 'requestRedirect',
  URLRewrite: 'urlRewrite',
  ExtensionRef: 'extensionRef',
} as const;

function memberRules(types: readonly (keyof typeof HTTP)[]): SchemaRule[] {
  return types.flatMap((type) => {
    const member = HTTP[type];
    return [
      rule(
        `filter.${member} must be nil if the filter.type is not ${type}`,
        (self) => of(self)[member] === undefined || of(self)['type'] === type,
      ),
      rule(
        `filter.${member} must be specified for ${type} filter.type`,
        (self) => of(self)[member] !== undefined || of(self)['type'] !== type,
      ),
    ];
  });
}

const once = (type: string): SchemaRule =>
  rule(`${type} filter cannot be repeated`, (self) => items(self).filter((f) => f['type'] === type).length <= 1);
const has = (self: unknown, type: string): boolean => items(self).some((f) => f['type'] === type);

export const httpFilters = (): Schema =>
  list(
    object(
      {
        cors: cors(),
        extensionRef: localRef(),
        requestHeaderModifier: headerModifier(),
        requestMirror: mirror(),
        requestRedirect: redirect(),
        responseHeaderModifier: headerModifier(),
        'type!': oneOf([
          'RequestHeaderModifier',
          'ResponseHeaderModifier',
          'RequestMirror',
          'RequestRedirect',
          'URLRewrite',
          'ExtensionRef',
          'CORS',
        ]),
        urlRewrite: object({ hostname: preciseHostname(), path: pathModifier() }),
      },
      {
        rules: memberRules([
          'CORS',
          'RequestHeaderModifier',
          'ResponseHeaderModifier',
          'RequestMirror',
          'RequestRedirect',
          'URLRewrite',
          'ExtensionRef',
        ]),
      },
    ),
    16,
    {
      rules: [
        rule(
          'May specify either httpRouteFilterRequestRedirect or httpRouteFilterRequestRewrite, but not both',
          (self) => !(has(self, 'RequestRedirect') && has(self, 'URLRewrite')),
        ),
        ...['CORS', 'RequestHeaderModifier', 'ResponseHeaderModifier', 'RequestRedirect', 'URLRewrite'].map(once),
      ],
    },
  );

export const grpcFilters = (): Schema =>
  list(
    object(
      {
        extensionRef: localRef(),
        requestHeaderModifier: headerModifier(),
        requestMirror: mirror(),
        responseHeaderModifier: headerModifier(),
        'type!': oneOf(['ResponseHeaderModifier', 'RequestHeaderModifier', 'RequestMirror', 'ExtensionRef']),
      },
      { rules: memberRules(['RequestHeaderModifier', 'ResponseHeaderModifier', 'RequestMirror', 'ExtensionRef']) },
    ),
    16,
    { rules: [once('RequestHeaderModifier'), once('ResponseHeaderModifier')] },
  );
