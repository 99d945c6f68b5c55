/** From Gateways, routes and grants to a proxy's configuration, and the status that says what became of each. Models Gateway API v1 */

import { parsePrivate, parsePublic, publicOf } from '../../os/tls/keys.ts';
import type { Identity } from '../../os/tls/server.ts';
import { certificatesIn } from '../../os/tls/trust.ts';
import { text } from '../../wire/bytes.ts';
import { fromBase64 } from '../../wire/der.ts';
import type { Namespace, Secret } from '../api/object.ts';
import { type LabelSelector, matchesSelector } from '../api/selectors.ts';
import { intersectHosts, type Route } from '../l7/route.ts';
import type { L7Listener } from '../l7/server.ts';
import { backendOf, type Cluster, granted, refProblem } from './backends.ts';
import type { AnyRoute, Gateway, ListenerSpec, ParentRef } from './objects.ts';
import { ruleOf } from './rules.ts';

export interface Inputs extends Cluster {
  readonly routes: readonly AnyRoute[];
  secret(namespace: string, name: string): Secret | undefined;
  namespace(name: string): Namespace | undefined;
}

export interface Condition {
  readonly type: string;
  readonly status: 'True' | 'False' | 'Unknown';
  readonly reason: string;
  readonly message: string;
}

export interface ListenerStatus {
  readonly name: string;
  readonly supportedKinds: readonly { readonly group: string; readonly kind: string }[];
  readonly attachedRoutes: number;
  readonly conditions: readonly Condition[];
}

export interface ParentStatus {
  readonly parentRef: ParentRef;
  readonly conditions: readonly Condition[];
}

export interface Translation {
  readonly listeners: readonly L7Listener[];
  readonly listenerStatus: readonly ListenerStatus[];
  /** By route: what this Gateway says of it. */
  readonly routeStatus: ReadonlyMap<AnyRoute, readonly ParentStatus[]>;
}

const KINDS: Readonly<Record<string, readonly string[]>> = {
  HTTP: ['HTTPRoute', 'GRPCRoute'],
  HTTPS: ['HTTPRoute', 'GRPCRoute'],
  TLS: ['TLSRoute'],
};

const GROUP = 'gateway.networking.k8s.io';

const bytesOf = (base64: string | undefined): string => text(fromBase64(base64 ?? ''));

function certificate(i: Inputs, gateway: Gateway, l: ListenerSpec): Identity | { reason: string; message: string } {
  const ref = l.tls?.certificateRefs?.[0];
  if (!ref) return { reason: 'InvalidCertificateRef', message: 'Listener must have at least 1 TLS certificate ref' };
  const own = gateway.metadata.namespace ?? '';
  const namespace = ref.namespace ?? own;
  if ((ref.kind ?? 'Secret') !== 'Secret' || (ref.group ?? '') !== '')
    return { reason: 'InvalidCertificateRef', message: `Listener's TLS certificate ref must be to a Secret, not ${ref.kind}` };
  const to = { group: '', kind: 'Secret', namespace, name: ref.name };
  if (namespace !== own && !granted(i.grants, { group: GROUP, kind: 'Gateway', namespace: own }, to))
    return {
      reason: 'RefNotPermitted',
      message: `Certificate ref to secret ${namespace}/${ref.name} not permitted by any ReferenceGrant.`,
    };
  const secret = i.secret(namespace, ref.name);
  if (!secret) return { reason: 'InvalidCertificateRef', message: `Secret ${namespace}/${ref.name} does not exist.` };
  const chain = certificatesIn(bytesOf(secret.data?.['tls.crt']));
  const key = parsePrivate(bytesOf(secret.data?.['tls.key']));
  const leaf = chain[0];
  const shown = (_: string, v: unknown): unknown => (typeof v === 'bigint' ? v.toString(16) : v instanceof Uint8Array ? [...v].join() : v);
  if (!leaf || !key || JSON.stringify(parsePublic(leaf.spki), shown) !== JSON.stringify(publicOf(key), shown))
    return { reason: 'InvalidCertificateRef', message: `Secret ${namespace}/${ref.name} must contain valid tls.crt and tls.key.` };
  return { chain: chain.map((x) => x.raw), key };
}

function namespaceAllowed(i: Inputs, gateway: Gateway, l: ListenerSpec, namespace: string): boolean {
  const { from = 'Same', selector } = l.allowedRoutes?.namespaces ?? {};
  if (from === 'All') return true;
  if (from === 'Same') return namespace === gateway.metadata.namespace;
  return matchesSelector(selector as LabelSelector | undefined, i.namespace(namespace)?.metadata.labels);
}

function kindsOf(l: ListenerSpec): { kinds: readonly string[]; invalid: boolean } {
  const supported = KINDS[l.protocol] ?? [];
  const asked = l.allowedRoutes?.kinds;
  if (!asked?.length) return { kinds: supported, invalid: false };
  const kinds = asked.filter((k) => (k.group ?? GROUP) === GROUP && supported.includes(k.kind)).map((k) => k.kind);
  return { kinds, invalid: kinds.length < asked.length };
}

const condition = (type: string, status: boolean, reason: string, message: string): Condition => ({
  type,
  status: status ? 'True' : 'False',
  reason,
  message,
});

/** Listeners that share a port must differ by protocol's family and hostname. */
function conflicted(g: Gateway, l: ListenerSpec): 'ProtocolConflict' | 'HostnameConflict' | null {
  for (const other of g.spec.listeners) {
    if (other === l || other.port !== l.port) continue;
    const secure = (x: ListenerSpec): boolean => x.protocol === 'HTTPS' || x.protocol === 'TLS';
    if (secure(other) !== secure(l)) return 'ProtocolConflict';
    if (other.protocol === l.protocol && (other.hostname ?? '') === (l.hostname ?? '')) return 'HostnameConflict';
  }
  return null;
}

interface Attached {
  readonly route: AnyRoute;
  readonly hostnames: readonly string[];
}

export function translate(gateway: Gateway, i: Inputs): Translation {
  const listeners: L7Listener[] = [];
  const listenerStatus: ListenerStatus[] = [];
  const attached = new Map<ListenerSpec, Attached[]>();
  const routeStatus = new Map<AnyRoute, ParentStatus[]>();
  for (const l of gateway.spec.listeners) attached.set(l, []);
  for (const route of i.routes)
    for (const ref of route.spec.parentRefs ?? []) {
      if ((ref.kind ?? 'Gateway') !== 'Gateway' || (ref.group ?? GROUP) !== GROUP || ref.name !== gateway.metadata.name) continue;
      if ((ref.namespace ?? route.metadata.namespace) !== gateway.metadata.namespace) continue;
      const status = attach(gateway, i, route, ref, attached);
      routeStatus.set(route, [...(routeStatus.get(route) ?? []), status]);
    }
  for (const l of gateway.spec.listeners) {
    const { kinds, invalid } = kindsOf(l);
    const conflict = conflicted(gateway, l);
    const mine = attached.get(l) ?? [];
    const ends = l.protocol === 'HTTPS' || (l.protocol === 'TLS' && l.tls?.mode === 'Terminate');
    const identity = ends ? certificate(i, gateway, l) : null;
    const bad =
      identity !== null && 'reason' in identity
        ? identity
        : invalid
          ? { reason: 'InvalidRouteKinds', message: 'The kinds of route that the listener asks for are not supported' }
          : null;
    const supported = KINDS[l.protocol] !== undefined;
    listenerStatus.push({
      name: l.name,
      supportedKinds: kinds.map((kind) => ({ group: GROUP, kind })),
      attachedRoutes: mine.length,
      conditions: [
        supported
          ? condition(
              'Accepted',
              conflict === null,
              conflict ?? 'Accepted',
              conflict ? 'The listener conflicts with another one on its port.' : 'Listener has been successfully translated',
            )
          : condition('Accepted', false, 'UnsupportedProtocol', `Protocol ${l.protocol} is unsupported, must be HTTP, HTTPS, or TLS.`),
        condition(
          'Programmed',
          !bad && !conflict && supported,
          bad || conflict || !supported ? 'Invalid' : 'Programmed',
          bad ? `Listener is invalid, see other Conditions for details.` : 'Sending translated listener configuration to the data plane',
        ),
        condition('ResolvedRefs', bad === null, bad?.reason ?? 'ResolvedRefs', bad?.message ?? 'Listener references have been resolved'),
      ],
    });
    if (conflict || !supported || (identity !== null && 'reason' in identity)) continue;
    const routes: Route[] = [];
    const passthrough: { hostnames: string[]; backends: ReturnType<typeof backendOf>[] }[] = [];
    for (const { route, hostnames } of mine) {
      const from = { kind: route.kind, namespace: route.metadata.namespace ?? '' };
      if (route.kind === 'TLSRoute') {
        for (const rule of route.spec.rules ?? [])
          passthrough.push({ hostnames: [...hostnames], backends: (rule.backendRefs ?? []).map((r) => backendOf(i, from, r, [])) });
        continue;
      }
      routes.push({
        key: `${route.metadata.namespace}/${route.metadata.name}`,
        created: route.metadata.creationTimestamp ?? '',
        hostnames,
        rules: (route.spec.rules?.length ? route.spec.rules : [{}]).map((rule) => ruleOf(i, from, rule)),
      });
    }
    const protocol = l.protocol === 'TLS' ? 'TLS' : (l.protocol as 'HTTP' | 'HTTPS');
    listeners.push({ name: l.name, port: l.port, protocol, hostname: (l.hostname ?? '').toLowerCase(), identity, routes, passthrough });
  }
  return { listeners, listenerStatus, routeStatus };
}

function attach(g: Gateway, i: Inputs, route: AnyRoute, ref: ParentRef, attached: Map<ListenerSpec, Attached[]>): ParentStatus {
  const from = { kind: route.kind, namespace: route.metadata.namespace ?? '' };
  const named = g.spec.listeners.filter(
    (l) => (ref.sectionName === undefined || l.name === ref.sectionName) && (ref.port === undefined || l.port === ref.port),
  );
  const allowed = named.filter((l) => kindsOf(l).kinds.includes(route.kind) && namespaceAllowed(i, g, l, from.namespace));
  let joined = 0;
  for (const l of allowed) {
    const own = (l.hostname ?? '').toLowerCase();
    const hosts = (route.spec.hostnames ?? []).map((h) => h.toLowerCase());
    const both = hosts.length === 0 ? [own] : hosts.map((h) => intersectHosts(own, h)).filter((h): h is string => h !== null);
    if (both.length === 0) continue;
    joined++;
    const list = attached.get(l) as Attached[];
    if (!list.some((a) => a.route === route)) list.push({ route, hostnames: both.filter((h) => h !== '') });
  }
  const reason =
    named.length === 0
      ? 'NoMatchingParent'
      : allowed.length === 0
        ? 'NotAllowedByListeners'
        : joined === 0
          ? 'NoMatchingListenerHostname'
          : 'Accepted';
  const messages: Record<string, string> = {
    NoMatchingParent: 'No listeners match this parent ref',
    NotAllowedByListeners: 'No listeners included by this parent ref allowed this attachment.',
    NoMatchingListenerHostname: "There were no hostname intersections between the route and this parent ref's listener(s).",
    Accepted: 'Route is accepted',
  };
  const problem = (route.spec.rules ?? [])
    .flatMap((r) => [...(r.backendRefs ?? []), ...(r.filters ?? []).flatMap((f) => (f.requestMirror ? [f.requestMirror.backendRef] : []))])
    .map((b) => refProblem(i, from, b))
    .find((p) => p !== null);
  return {
    parentRef: ref,
    conditions: [
      condition('Accepted', reason === 'Accepted', reason, messages[reason] as string),
      problem
        ? condition('ResolvedRefs', false, problem.reason, problem.message)
        : condition('ResolvedRefs', true, 'ResolvedRefs', 'Resolved all the Object references for the Route'),
    ],
  };
}
