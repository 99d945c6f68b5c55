/** kubectl create ingress: rules `host/path=service:port[,tls[=secret]]`. Models kubectl/pkg/cmd/create/create_ingress.go */

import { intOrString } from '../common.ts';
import { failure } from '../errors.ts';
import type { JsonObject } from '../json.ts';
import { builtin, createVerb, head } from './spec.ts';

/** Of a rule: host, path, service, port, and the TLS part. */
const RULE = /^[\w*\-.]*\/.*=[\w-]+:[\w-]+(,tls=?([\w-]+)?)?/;

interface Path {
  readonly path: string;
  readonly pathType: string;
  readonly backend: JsonObject;
}

function backend(service: string): JsonObject {
  const [name = '', port = ''] = service.split(':');
  const value = intOrString(port);
  return { service: { name, port: typeof value === 'number' ? { number: value } : { name: value } } };
}

function pathOfRule(text: string): Path {
  const [rawPath = '', service = ''] = text.split('=');
  const path = `/${rawPath}`;
  const prefix = path.endsWith('*');
  return { path: prefix ? path.slice(0, -1) : path, pathType: prefix ? 'Prefix' : 'Exact', backend: backend(service) };
}

/** `a/b=c` in the part before the first slash and what follows it. */
function cut(s: string): [string, string] {
  const i = s.indexOf('/');
  return i < 0 ? [s, ''] : [s.slice(0, i), s.slice(i + 1)];
}

export function ingressRules(rules: readonly string[]): JsonObject[] {
  const out: { host: string; paths: Path[] }[] = [];
  for (const rule of rules) {
    const [host, rest] = cut(rule.split(',')[0] as string);
    const path = pathOfRule(rest);
    const same = out.find((r) => r.host === host);
    if (same) same.paths.push(path);
    else out.push({ host, paths: [path] });
  }
  return out.map(({ host, paths }) => ({ ...(host === '' ? {} : { host }), http: { paths: paths.map((p) => ({ ...p })) } }));
}

export function ingressTls(rules: readonly string[]): JsonObject[] {
  const seen = new Set<string>();
  const out: { hosts: string[]; secretName: string }[] = [];
  for (const rule of rules) {
    const parts = rule.split(',');
    if (parts.length !== 2) continue;
    const host = cut(rule)[0];
    const secretName = (parts[1] as string).split('=')[1] ?? '';
    if (seen.has(host)) continue;
    const same = out.find((t) => t.secretName === secretName);
    if (same) same.hosts.push(host);
    else if (host !== '' || secretName !== '') out.push({ hosts: host === '' ? [] : [host], secretName });
    seen.add(host);
  }
  return out.map((t) => ({
    ...(t.hosts.length > 0 ? { hosts: t.hosts } : {}),
    ...(t.secretName === '' ? {} : { secretName: t.secretName }),
  }));
}

export const isRule = (rule: string): boolean => RULE.test(rule);

export const createIngressVerb = createVerb({
  name: 'ingress',
  aliases: ['ing'],
  use: 'ingress NAME --rule=host/path=service:port[,tls[=secret]]',
  short: 'Create an ingress with the specified name',
  long: 'Create an ingress with the specified name.',
  example: `  # Create a single ingress called 'simple' that directs requests to foo.com/bar to svc
  # svc1:8080 with a TLS secret "my-cert"
  kubectl create ingress simple --rule="foo.com/bar=svc1:8080,tls=my-cert"
  
  # Create a catch all ingress of "/path" pointing to service svc:port and Ingress Class as "otheringress"
  kubectl create ingress catch-all --class=otheringress --rule="/path=svc:port"
  
  # Create an ingress with two annotations: ingress.annotation1 and ingress.annotations2
  kubectl create ingress annotated --class=default --rule="foo.com/bar=svc:port" \\
  --annotation ingress.annotation1=foo \\
  --annotation ingress.annotation2=bla
  
  # Create an ingress with the same host and multiple paths
  kubectl create ingress multipath --class=default \\
  --rule="foo.com/=svc:port" \\
  --rule="foo.com/admin/=svcadmin:portadmin"
  
  # Create an ingress with multiple hosts and the pathType as Prefix
  kubectl create ingress ingress1 --class=default \\
  --rule="foo.com/path*=svc:8080" \\
  --rule="bar.com/admin*=svc2:http"
  
  # Create an ingress with TLS enabled using the default ingress certificate and different path types
  kubectl create ingress ingtls --class=default \\
  --rule="foo.com/=svc:https,tls" \\
  --rule="foo.com/path/subpath*=othersvc:8080"
  
  # Create an ingress with TLS enabled using a specific secret and pathType as Prefix
  kubectl create ingress ingsecret --class=default \\
  --rule="foo.com/*=svc:8080,tls=secret1"
  
  # Create an ingress with a default backend
  kubectl create ingress ingdefault --class=default \\
  --default-backend=defaultsvc:http \\
  --rule="foo.com/*=svc:8080,tls=secret1"`,
  flags: [
    { name: 'class', type: 'string', usage: 'Ingress Class to be used' },
    {
      name: 'rule',
      type: 'stringArray',
      usage:
        "Rule in format host/path=service:port[,tls=secretname]. Paths containing the leading character '*' are considered pathType=Prefix. tls argument is optional.",
    },
    { name: 'default-backend', type: 'string', usage: 'Default service for backend, in format of svcname:port' },
    { name: 'annotation', type: 'stringArray', usage: 'Annotation to insert in the ingress object, in the format annotation=value' },
  ],
  mapping: builtin('networking.k8s.io', 'v1', 'Ingress', 'ingresses'),
  failed: 'failed to create ingress: ',
  generate(ctx, name) {
    const [rules, fallback, ingressClass] = [ctx.list('rule'), ctx.str('default-backend'), ctx.str('class')];
    if (fallback === '' && rules.length === 0)
      return failure(
        'not enough information provided: every ingress has to either specify a default-backend (which catches all traffic) or a list of rules (which catch specific paths)',
      );
    for (const r of rules)
      if (!isRule(r)) return failure(`rule ${r} is invalid and should be in format host/path=svcname:svcport[,tls[=secret]]`);
    const annotations: Record<string, string> = {};
    for (const a of ctx.list('annotation')) {
      const eq = a.indexOf('=');
      if (eq < 0) return failure(`annotation ${a} is invalid and should be in format key=[value]`);
      annotations[a.slice(0, eq)] = a.slice(eq + 1);
    }
    if (fallback !== '' && fallback.split(':').length !== 2) return failure('default-backend should be in format servicename:serviceport');
    const tls = ingressTls(rules);
    return {
      ...head('networking.k8s.io/v1', 'Ingress', { name, ...(Object.keys(annotations).length > 0 ? { annotations } : {}) }),
      spec: {
        ...(ingressClass === '' ? {} : { ingressClassName: ingressClass }),
        ...(fallback === '' ? {} : { defaultBackend: backend(fallback) }),
        ...(tls.length > 0 ? { tls } : {}),
        ...(rules.length > 0 ? { rules: ingressRules(rules) } : {}),
      },
      status: { loadBalancer: {} },
    };
  },
});
