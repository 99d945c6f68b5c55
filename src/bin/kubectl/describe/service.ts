/** describe of services, endpoints, slices, ingresses, classes and network policies. Models describeService, describeEndpoints, describeIngressV1, describeNetworkPolicy */

import type { Task } from '../../../os/program.ts';
import { strftime } from '../../strftime.ts';
import { Failure } from '../errors.ts';
import { compareStrings, isObject, type Json, type JsonObject, list, num, obj, str } from '../json.ts';
import { timeOf } from '../table.ts';
import {
  type Describer,
  type Describing,
  describeEvents,
  itemsAt,
  labelsAndAnnotations,
  labelsText,
  meta,
  nameAndNamespace,
  selectorText,
  type Writer,
} from './writer.ts';

const join = (o: JsonObject, key: string, by = ','): string => list(o, key).map(String).join(by);
const hostPort = (host: string, port: string): string => (host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`);

/** formatEndpointSlices(): the first three, ready ones only. */
function endpointsText(slices: readonly JsonObject[], port: string): string {
  if (slices.length === 0) return '<none>';
  const shown: string[] = [];
  let more = false;
  let count = 0;
  for (const s of slices) {
    const ports = list(s, 'ports');
    const wanted: readonly (Json | null)[] = ports.length === 0 ? [null] : ports.filter((p) => str(p, 'name') === port);
    for (const p of wanted)
      for (const e of list(s, 'endpoints')) {
        if (shown.length === 3) more = true;
        if (obj(e, 'conditions').ready === false) continue;
        const addr = str(e, 'addresses', 0);
        if (!more) shown.push(p === null ? addr : hostPort(addr, str(p, 'port')));
        count++;
      }
  }
  return `${shown.join(',')}${more ? ` + ${count - 3} more...` : ''}`;
}

const slicesOf = (d: Describing, service: string): Task<readonly JsonObject[] | Failure> =>
  itemsAt(d, `/apis/discovery.k8s.io/v1/namespaces/${meta(d, 'namespace')}/endpointslices`, {
    labelSelector: `kubernetes.io/service-name=${service}`,
  });

export const describeService: Describer = function* (d) {
  const { w } = d;
  const spec = obj(d.object, 'spec');
  const slices = yield* slicesOf(d, meta(d, 'name'));
  const all = slices instanceof Failure ? [] : slices;
  nameAndNamespace(d);
  labelsAndAnnotations(d);
  w.write(0, `Selector:\t${labelsText(obj(spec, 'selector'))}\n`);
  w.write(0, `Type:\t${str(spec, 'type')}\n`);
  if (str(spec, 'ipFamilyPolicy') !== '') w.write(0, `IP Family Policy:\t${str(spec, 'ipFamilyPolicy')}\n`);
  w.write(0, `IP Families:\t${join(spec, 'ipFamilies') || '<none>'}\n`);
  w.write(0, `IP:\t${str(spec, 'clusterIP')}\n`);
  w.write(0, `IPs:\t${join(spec, 'clusterIPs') || '<none>'}\n`);
  if (list(spec, 'externalIPs').length > 0) w.write(0, `External IPs:\t${join(spec, 'externalIPs')}\n`);
  if (str(spec, 'loadBalancerIP') !== '') w.write(0, `Desired LoadBalancer IP:\t${str(spec, 'loadBalancerIP')}\n`);
  if (str(spec, 'externalName') !== '') w.write(0, `External Name:\t${str(spec, 'externalName')}\n`);
  const ingress = list(d.object, 'status', 'loadBalancer', 'ingress');
  if (ingress.length > 0)
    w.write(
      0,
      `LoadBalancer Ingress:\t${ingress.map((i) => (str(i, 'ip') === '' ? str(i, 'hostname') : `${str(i, 'ip')}${str(i, 'ipMode') === '' ? '' : ` (${str(i, 'ipMode')})`}`)).join(', ')}\n`,
    );
  for (const p of list(spec, 'ports')) {
    const name = str(p, 'name') || '<unset>';
    const proto = str(p, 'protocol');
    w.write(0, `Port:\t${name}\t${num(p, 'port')}/${proto}\n`);
    w.write(0, `TargetPort:\t${str(p, 'targetPort') || '0'}/${proto}\n`);
    if (str(p, 'appProtocol') !== '') w.write(0, `AppProtocol:\t${str(p, 'appProtocol')}\n`);
    if (num(p, 'nodePort') !== 0) w.write(0, `NodePort:\t${name}\t${num(p, 'nodePort')}/${proto}\n`);
    w.write(0, `Endpoints:\t${endpointsText(all, str(p, 'name'))}\n`);
  }
  w.write(0, `Session Affinity:\t${str(spec, 'sessionAffinity')}\n`);
  for (const [label, key] of [
    ['External Traffic Policy', 'externalTrafficPolicy'],
    ['Internal Traffic Policy', 'internalTrafficPolicy'],
    ['HealthCheck NodePort', 'healthCheckNodePort'],
  ] as const)
    if (str(spec, key) !== '') w.write(0, `${label}:\t${str(spec, key)}\n`);
  if (list(spec, 'loadBalancerSourceRanges').length > 0)
    w.write(0, `LoadBalancer Source Ranges:\t${join(spec, 'loadBalancerSourceRanges')}\n`);
  if (str(spec, 'trafficDistribution') !== '') w.write(0, `Traffic Distribution:\t${str(spec, 'trafficDistribution')}\n`);
  yield* describeEvents(d);
  return null;
};

export const describeEndpoints: Describer = function* (d) {
  const { w } = d;
  nameAndNamespace(d);
  labelsAndAnnotations(d);
  w.write(0, 'Subsets:\n');
  for (const s of list(d.object, 'subsets')) {
    const ips = (key: string): string =>
      list(s, key)
        .map((a) => str(a, 'ip'))
        .join(',') || '<none>';
    w.write(1, `Addresses:\t${ips('addresses')}\n`);
    w.write(1, `NotReadyAddresses:\t${ips('notReadyAddresses')}\n`);
    const ports = list(s, 'ports');
    if (ports.length > 0) {
      w.write(1, 'Ports:\n');
      w.write(2, 'Name\tPort\tProtocol\n');
      w.write(2, '----\t----\t--------\n');
    }
    for (const p of ports) w.write(2, `${str(p, 'name') || '<unset>'}\t${num(p, 'port')}\t${str(p, 'protocol')}\n`);
    w.write(0, '\n');
  }
  yield* describeEvents(d);
  return null;
};

export const describeEndpointSlice: Describer = function* (d) {
  const { w } = d;
  nameAndNamespace(d);
  labelsAndAnnotations(d);
  w.write(0, `AddressType:\t${str(d.object, 'addressType')}\n`);
  const ports = list(d.object, 'ports');
  if (ports.length === 0) w.write(0, 'Ports: <unset>\n');
  else {
    w.write(0, 'Ports:\n');
    w.write(1, 'Name\tPort\tProtocol\n');
    w.write(1, '----\t----\t--------\n');
  }
  for (const p of ports) w.write(1, `${str(p, 'name') || '<unset>'}\t${str(p, 'port') || '<unset>'}\t${str(p, 'protocol')}\n`);
  const endpoints = list(d.object, 'endpoints');
  w.write(0, endpoints.length === 0 ? 'Endpoints: <none>\n' : 'Endpoints:\n');
  for (const e of endpoints) {
    w.write(1, `- Addresses:\t${list(e, 'addresses').map(String).join(', ') || '<none>'}\n`);
    w.write(2, 'Conditions:\n');
    w.write(3, `Ready:\t${str(e, 'conditions', 'ready') || '<unset>'}\n`);
    w.write(2, `Hostname:\t${str(e, 'hostname') || '<unset>'}\n`);
    if (isObject(obj(e).targetRef)) w.write(2, `TargetRef:\t${str(e, 'targetRef', 'kind')}/${str(e, 'targetRef', 'name')}\n`);
    w.write(2, `NodeName:\t${str(e, 'nodeName') || '<unset>'}\n`);
    w.write(2, `Zone:\t${str(e, 'zone') || '<unset>'}\n`);
  }
  yield* describeEvents(d);
  return null;
};

function* backendText(d: Describing, backend: JsonObject): Task<string> {
  if (isObject(backend.service)) {
    const name = str(backend, 'service', 'name');
    const number = num(backend, 'service', 'port', 'number');
    const portName = str(backend, 'service', 'port', 'name');
    const shown = `${name}:${number !== 0 ? number : portName}`;
    const slices = yield* slicesOf(d, name);
    if (slices instanceof Failure) return `${shown} (<error: ${slices.message}>)`;
    const service = yield* d.ctx.rest.get(`/api/v1/namespaces/${meta(d, 'namespace')}/services/${name}`);
    if (service instanceof Failure) return `${shown} (<error: ${service.message}>)`;
    let found = '';
    for (const p of list(service, 'spec', 'ports'))
      if ((number !== 0 && num(p, 'port') === number) || (portName !== '' && str(p, 'name') === portName)) found = str(p, 'name');
    return `${shown} (${endpointsText(slices, found)})`;
  }
  if (isObject(backend.resource))
    return `APIGroup: ${str(backend, 'resource', 'apiGroup') || '<none>'}, Kind: ${str(backend, 'resource', 'kind')}, Name: ${str(backend, 'resource', 'name')}`;
  return '';
}

export const describeIngress: Describer = function* (d) {
  const { w } = d;
  const spec = obj(d.object, 'spec');
  w.write(0, `Name:\t${meta(d, 'name')}\n`);
  w.labels('Labels', obj(d.object, 'metadata', 'labels'));
  w.write(0, `Namespace:\t${meta(d, 'namespace')}\n`);
  const addresses = new Set(list(d.object, 'status', 'loadBalancer', 'ingress').map((i) => str(i, 'ip') || str(i, 'hostname')));
  addresses.delete('');
  w.write(0, `Address:\t${[...addresses].sort(compareStrings).join(',')}\n`);
  w.write(0, `Ingress Class:\t${str(spec, 'ingressClassName') || '<none>'}\n`);
  const fallback = isObject(spec.defaultBackend) ? yield* backendText(d, spec.defaultBackend) : '<default>';
  w.write(0, `Default backend:\t${fallback}\n`);
  const tls = list(spec, 'tls');
  if (tls.length > 0) w.write(0, 'TLS:\n');
  for (const t of tls) {
    const hosts = list(t, 'hosts').map(String).join(',');
    w.write(1, str(t, 'secretName') === '' ? `SNI routes ${hosts}\n` : `${str(t, 'secretName')} terminates ${hosts}\n`);
  }
  w.write(0, 'Rules:\n  Host\tPath\tBackends\n');
  w.write(1, '----\t----\t--------\n');
  const rules = list(spec, 'rules').filter((r) => isObject(obj(r).http));
  for (const r of rules) {
    w.write(1, `${str(r, 'host') || '*'}\t\n`);
    for (const p of list(r, 'http', 'paths')) w.write(2, `\t${str(p, 'path')} \t${yield* backendText(d, obj(p, 'backend'))}\n`);
  }
  if (rules.length === 0) w.write(1, `*\t*\t${fallback}\n`);
  w.annotations('Annotations', obj(d.object, 'metadata', 'annotations'));
  yield* describeEvents(d);
  return null;
};

export const describeIngressClass: Describer = function* (d) {
  const { w } = d;
  w.write(0, `Name:\t${meta(d, 'name')}\n`);
  labelsAndAnnotations(d);
  w.write(0, `Controller:\t${str(d.object, 'spec', 'controller')}\n`);
  const parameters = obj(d.object, 'spec', 'parameters');
  if (Object.keys(parameters).length > 0) {
    w.write(0, 'Parameters:\n');
    if (str(parameters, 'apiGroup') !== '') w.write(1, `APIGroup:\t${str(parameters, 'apiGroup')}\n`);
    w.write(1, `Kind:\t${str(parameters, 'kind')}\n`);
    w.write(1, `Name:\t${str(parameters, 'name')}\n`);
  }
  yield* describeEvents(d);
  return null;
};

function policyRules(w: Writer, rules: readonly Json[], way: 'ingress' | 'egress'): void {
  const pad = '    ';
  const [peers, word, other] = way === 'ingress' ? ['from', 'From', 'source'] : ['to', 'To', 'destination'];
  if (rules.length === 0) w.write(0, `${pad}<none> (Selected pods are isolated for ${way} connectivity)\n`);
  rules.forEach((r, i) => {
    const ports = list(r, 'ports');
    if (ports.length === 0) w.write(0, `${pad}To Port: <any> (traffic allowed to all ports)\n`);
    for (const p of ports) {
      const port = str(p, 'port') || '<nil>';
      const end = str(p, 'endPort');
      w.write(0, `${pad}${end === '' ? `To Port: ${port}` : `To Port Range: ${port}-${end}`}/${str(p, 'protocol') || 'TCP'}\n`);
    }
    const all = list(r, peers);
    if (all.length === 0) w.write(0, `${pad}${word}: <any> (traffic not restricted by ${other})\n`);
    for (const peer of all) {
      const o = obj(peer);
      w.write(0, `${pad}${word}:\n`);
      if (isObject(o.namespaceSelector)) w.write(1, `${pad}NamespaceSelector: ${selectorText(o.namespaceSelector)}\n`);
      if (isObject(o.podSelector)) w.write(1, `${pad}PodSelector: ${selectorText(o.podSelector)}\n`);
      if (isObject(o.ipBlock) && !isObject(o.podSelector) && !isObject(o.namespaceSelector)) {
        w.write(1, `${pad}IPBlock:\n`);
        w.write(2, `${pad}CIDR: ${str(o, 'ipBlock', 'cidr')}\n`);
        w.write(2, `${pad}Except: ${list(o, 'ipBlock', 'except').map(String).join(', ')}\n`);
      }
    }
    if (i < rules.length - 1) w.write(0, `${pad}----------\n`);
  });
}

export const describeNetworkPolicy: Describer = function* (d) {
  const { w } = d;
  const spec = obj(d.object, 'spec');
  nameAndNamespace(d);
  w.write(0, `Created on:\t${strftime('%Y-%m-%d %H:%M:%S +0000 UTC', Math.floor(timeOf(meta(d, 'creationTimestamp'))))}\n`);
  labelsAndAnnotations(d);
  const selector = selectorText(obj(spec, 'podSelector'));
  const types = list(spec, 'policyTypes').map(String);
  w.write(0, 'Spec:\n');
  w.write(1, 'PodSelector: ');
  w.write(2, selector === '<none>' ? '<none> (Allowing the specific traffic to all pods in this namespace)\n' : `${selector}\n`);
  for (const [way, type] of [
    ['ingress', 'Ingress'],
    ['egress', 'Egress'],
  ] as const) {
    if (types.includes(type)) {
      w.write(1, `Allowing ${way} traffic:\n`);
      policyRules(w, list(spec, way), way);
    } else w.write(1, `Not affecting ${way} traffic\n`);
  }
  w.write(1, `Policy Types: ${types.join(', ') || '<none>'}\n`);
  yield { cost: 0 };
  return null;
};
