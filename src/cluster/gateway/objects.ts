/** Gateway API objects as the translation reads them. Shapes of gateway.networking.k8s.io/v1 */

import type { AnyObject, Stored } from '../api/object.ts';
import type { V1Condition } from '../api/types.ts';

export interface ParentRef {
  readonly group?: string;
  readonly kind?: string;
  readonly namespace?: string;
  readonly name: string;
  readonly sectionName?: string;
  readonly port?: number;
}

export interface ObjectRef {
  readonly group?: string;
  readonly kind?: string;
  readonly namespace?: string;
  readonly name: string;
}

export interface BackendRef extends ObjectRef {
  readonly port?: number;
  readonly weight?: number;
  readonly filters?: readonly RouteFilter[];
}

export interface NamedValue {
  readonly type?: string;
  readonly name: string;
  readonly value: string;
}

export interface HeaderFilter {
  readonly set?: readonly NamedValue[];
  readonly add?: readonly NamedValue[];
  readonly remove?: readonly string[];
}

export interface PathModifier {
  readonly type: string;
  readonly replaceFullPath?: string;
  readonly replacePrefixMatch?: string;
}

export interface RouteFilter {
  readonly type: string;
  readonly requestHeaderModifier?: HeaderFilter;
  readonly responseHeaderModifier?: HeaderFilter;
  readonly requestRedirect?: { scheme?: string; hostname?: string; port?: number; path?: PathModifier; statusCode?: number };
  readonly urlRewrite?: { hostname?: string; path?: PathModifier };
  readonly requestMirror?: { backendRef: BackendRef; percent?: number; fraction?: { numerator: number; denominator?: number } };
  readonly cors?: {
    allowOrigins?: string[];
    allowMethods?: string[];
    allowHeaders?: string[];
    exposeHeaders?: string[];
    allowCredentials?: boolean;
    maxAge?: number;
  };
}

export interface HttpRouteMatch {
  readonly path?: { readonly type?: string; readonly value?: string };
  readonly headers?: readonly NamedValue[];
  readonly queryParams?: readonly NamedValue[];
  readonly method?: string | { readonly type?: string; readonly service?: string; readonly method?: string };
}

export interface RouteRule {
  readonly name?: string;
  readonly matches?: readonly HttpRouteMatch[];
  readonly filters?: readonly RouteFilter[];
  readonly backendRefs?: readonly BackendRef[];
  readonly timeouts?: { readonly request?: string; readonly backendRequest?: string };
}

export interface AnyRoute extends Stored<object> {
  readonly spec: {
    readonly parentRefs?: readonly ParentRef[];
    readonly hostnames?: readonly string[];
    readonly rules?: readonly RouteRule[];
  };
  readonly status?: { readonly parents?: readonly RouteParentStatus[] };
}

export interface RouteParentStatus {
  readonly parentRef: ParentRef;
  readonly controllerName: string;
  readonly conditions: readonly V1Condition[];
}

export interface ListenerSpec {
  readonly name: string;
  readonly hostname?: string;
  readonly port: number;
  readonly protocol: string;
  readonly tls?: { readonly mode?: string; readonly certificateRefs?: readonly ObjectRef[] };
  readonly allowedRoutes?: {
    readonly namespaces?: { readonly from?: string; readonly selector?: Record<string, unknown> };
    readonly kinds?: readonly { readonly group?: string; readonly kind: string }[];
  };
}

export interface Gateway extends Stored<object> {
  readonly spec: {
    readonly gatewayClassName: string;
    readonly listeners: readonly ListenerSpec[];
    readonly addresses?: readonly { readonly type?: string; readonly value?: string }[];
  };
  readonly status?: Record<string, unknown>;
}

export interface GatewayClass extends Stored<object> {
  readonly spec: { readonly controllerName: string };
  readonly status?: { readonly conditions?: readonly V1Condition[] };
}

export interface ReferenceGrant extends Stored<object> {
  readonly spec: {
    readonly from: readonly { readonly group: string; readonly kind: string; readonly namespace: string }[];
    readonly to: readonly { readonly group: string; readonly kind: string; readonly name?: string }[];
  };
}

export const GATEWAY_GROUP = 'gateway.networking.k8s.io';

/** Resource names of what the translation watches. */
export const GATEWAY_RESOURCES = {
  classes: `gatewayclasses.${GATEWAY_GROUP}`,
  gateways: `gateways.${GATEWAY_GROUP}`,
  httpRoutes: `httproutes.${GATEWAY_GROUP}`,
  grpcRoutes: `grpcroutes.${GATEWAY_GROUP}`,
  tlsRoutes: `tlsroutes.${GATEWAY_GROUP}`,
  grants: `referencegrants.${GATEWAY_GROUP}`,
} as const;

export const kindOf = (o: AnyObject | Stored<object>): string => o.kind;
