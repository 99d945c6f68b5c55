/** The specification of a pod, alone or in a template. Models ValidatePodSpec, ValidatePodTemplateSpec (pkg/apis/core/validation). */

import { forbidden, invalid, notSupported, required } from '../field.ts';
import { legacyIP } from '../ip.ts';
import { dns1123Label, dns1123Subdomain, dns1123SubdomainUnderscore, inclusiveRange, qualifiedName } from '../names.ts';
import type { V1PodDNSConfig, V1PodSpec, V1PodTemplateSpec } from '../types.ts';
import { annotations, bad, type Errors, labels } from './common.ts';
import { containers, ephemeralContainers, initContainers } from './container.ts';
import { podResources } from './resources.ts';
import { affinity, schedulingGates, tolerations, topologySpread } from './scheduling.ts';
import { hostUsers, podSecurity } from './security.ts';
import { volumes } from './volumes.ts';

/** Value of a set of words; `''` is a missing one. */
function word(field: string, value: string | undefined, known: readonly string[]): Errors {
  if (!value) return [required(field)];
  return known.includes(value) ? [] : [notSupported(field, value, known)];
}

function dnsConfig(field: string, config: V1PodDNSConfig | undefined, policy: string | undefined): Errors {
  if (policy === 'None') {
    if (!config) return [required(field, 'must provide `dnsConfig` when `dnsPolicy` is None')];
    if (!config.nameservers?.length)
      return [required(`${field}.nameservers`, 'must provide at least one DNS nameserver when `dnsPolicy` is None')];
  }
  if (!config) return [];
  const out: Errors = [];
  const servers = config.nameservers ?? [];
  const searches = config.searches ?? [];
  if (servers.length > 3) out.push(invalid(`${field}.nameservers`, servers, 'must not have more than 3 nameservers'));
  out.push(...servers.flatMap((s, i) => legacyIP(`${field}.nameservers[${i}]`, s)));
  if (searches.length > 32) out.push(invalid(`${field}.searches`, searches, 'must not have more than 32 search paths'));
  if (searches.join(' ').length > 2048)
    out.push(invalid(`${field}.searches`, searches, 'must not have more than 2048 characters (including spaces) in the search list'));
  searches.forEach((search, i) => {
    if (search === '.') return;
    const name = search.replace(/\.$/, '');
    out.push(...bad(`${field}.searches[${i}]`, name, dns1123SubdomainUnderscore(name)));
  });
  (config.options ?? []).forEach((o, i) => {
    if (!o.name) out.push(required(`${field}.options[${i}]`, 'must not be empty'));
  });
  return out;
}

/** On the host's network a container port is a host port. */
function hostNetworkPorts(field: string, spec: V1PodSpec, isPod: boolean): Errors {
  if (!spec.hostNetwork) return [];
  return (spec.containers ?? []).flatMap((c, i) =>
    (c.ports ?? []).flatMap((p, j) => {
      const host = p.hostPort ?? 0;
      return (isPod || host !== 0) && host !== p.containerPort
        ? [invalid(`${field}.containers[${i}].ports[${j}].hostPort`, host, 'must match `containerPort` when `hostNetwork` is true')]
        : [];
    }),
  );
}

function hostnames(field: string, spec: V1PodSpec): Errors {
  const name = spec.hostnameOverride;
  if (name === undefined) return [];
  const at = `${field}.hostnameOverride`;
  const out: Errors = [];
  if (spec.setHostnameAsFQDN) out.push(forbidden(at, 'may not be specified when setHostnameAsFQDN is true'));
  if (spec.hostNetwork) out.push(forbidden(at, 'may not be specified when hostNetwork is true'));
  if (name.length > 64) out.push({ type: 'FieldValueTooLong', field: at, detail: 'may not be more than 64 bytes' });
  return [...out, ...bad(at, name, dns1123Subdomain(name))];
}

function optional(field: string, spec: V1PodSpec): Errors {
  const out: Errors = [];
  const named = (key: 'serviceAccountName' | 'nodeName', check: (s: string) => string[]): void => {
    const value = spec[key];
    if (value) out.push(...bad(`${field}.${key}`, value, check(value)));
  };
  named('serviceAccountName', dns1123Subdomain);
  named('nodeName', dns1123Subdomain);
  const deadline = spec.activeDeadlineSeconds;
  if (deadline !== undefined && (deadline < 1 || deadline > 0x7fffffff))
    out.push(invalid(`${field}.activeDeadlineSeconds`, deadline, inclusiveRange(1, 0x7fffffff)));
  if (spec.hostname) out.push(...bad(`${field}.hostname`, spec.hostname, dns1123Label(spec.hostname)));
  if (spec.subdomain) out.push(...bad(`${field}.subdomain`, spec.subdomain, dns1123Label(spec.subdomain)));
  out.push(...tolerations(`${field}.tolerations`, spec.tolerations));
  (spec.hostAliases ?? []).forEach((alias, i) => {
    const at = `${field}.hostAliases[${i}]`;
    out.push(
      ...legacyIP(`${at}.ip`, alias.ip ?? ''),
      ...(alias.hostnames ?? []).flatMap((h, j) => bad(`${at}.hostnames[${j}]`, h, dns1123Subdomain(h))),
    );
  });
  if (spec.priorityClassName)
    out.push(...bad(`${field}.priorityClassName`, spec.priorityClassName, dns1123Subdomain(spec.priorityClassName)));
  if (spec.runtimeClassName !== undefined)
    out.push(...bad(`${field}.runtimeClassName`, spec.runtimeClassName, dns1123Subdomain(spec.runtimeClassName)));
  if (spec.preemptionPolicy !== undefined)
    out.push(...word(`${field}.preemptionPolicy`, spec.preemptionPolicy, ['PreemptLowerPriority', 'Never']));
  if (spec.os)
    out.push(
      ...word(`${field}.os.name`, spec.os.name, ['linux', 'windows']).map((e) =>
        e.bad === undefined ? e : { ...e, field: `${field}.os` },
      ),
    );
  return out;
}

export interface PodOptions {
  /** Of a pod, not of a template. */
  readonly isPod: boolean;
  readonly podName: string;
}

export function validatePodSpec(field: string, spec: V1PodSpec, options: PodOptions): Errors {
  const out: Errors = [];
  const grace = spec.terminationGracePeriodSeconds;
  if (grace === undefined) out.push(required(`${field}.terminationGracePeriodSeconds`));
  const { errors, known } = volumes(`${field}.volumes`, spec.volumes, options.podName);
  const claims = (spec.resourceClaims ?? []).map((c) => c.name);
  const facts = {
    volumes: known,
    claims,
    grace,
    os: spec.os?.name,
    restartPolicy: spec.restartPolicy,
    hostUsers: spec.hostUsers !== false,
  };
  out.push(...errors, ...containers(`${field}.containers`, spec.containers ?? [], facts));
  out.push(...initContainers(`${field}.initContainers`, spec, facts), ...ephemeralContainers(`${field}.ephemeralContainers`, spec, facts));
  if (spec.resources) out.push(...podResources(`${field}.resources`, spec.resources, claims));
  out.push(...hostNetworkPorts(field, spec, options.isPod));
  out.push(...word(`${field}.restartPolicy`, spec.restartPolicy, ['Always', 'OnFailure', 'Never']));
  out.push(...word(`${field}.dnsPolicy`, spec.dnsPolicy, ['ClusterFirstWithHostNet', 'ClusterFirst', 'Default', 'None']));
  out.push(...labels(`${field}.nodeSelector`, spec.nodeSelector), ...podSecurity(`${field}.securityContext`, spec));
  out.push(...affinity(`${field}.affinity`, spec.affinity), ...dnsConfig(`${field}.dnsConfig`, spec.dnsConfig, spec.dnsPolicy));
  out.push(
    ...(spec.readinessGates ?? []).flatMap((g, i) =>
      bad(`${field}.readinessGates[${i}].conditionType`, g.conditionType, qualifiedName(g.conditionType)),
    ),
  );
  out.push(...schedulingGates(`${field}.schedulingGates`, spec.schedulingGates));
  out.push(...topologySpread(`${field}.topologySpreadConstraints`, spec.topologySpreadConstraints));
  return [...out, ...hostUsers(field, spec), ...hostnames(field, spec), ...optional(field, spec)];
}

export function validatePodTemplate(field: string, template: V1PodTemplateSpec): Errors {
  const meta = template.metadata ?? {};
  const spec = template.spec ?? { containers: [] };
  const out = [...labels(`${field}.labels`, meta.labels), ...annotations(`${field}.annotations`, meta.annotations)];
  out.push(...validatePodSpec(`${field}.spec`, spec, { isPod: false, podName: '' }));
  if (spec.ephemeralContainers?.length)
    out.push(forbidden(`${field}.spec.ephemeralContainers`, 'ephemeral containers not allowed in pod template'));
  return out;
}
