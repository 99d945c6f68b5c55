/** A pod template as `rollout history --revision` and dry runs of `rollout undo` describe it. Models DescribePodTemplate of kubectl/pkg/describe (no tab writer) */

import { at, isObject, type Json, type JsonObject, list, obj, sortedKeys, str } from '../json.ts';

function map(label: string, o: JsonObject, pad: string): string {
  const keys = sortedKeys(o);
  if (keys.length === 0) return `${label}<none>\n`;
  return keys.map((k, i) => `${i === 0 ? label : pad}${k}=${o[k]}\n`).join('');
}

/** `80/TCP, 53/UDP`, with port names. */
function ports(c: Json, field: 'containerPort' | 'hostPort'): string {
  const all = list(c, 'ports').map((p) => {
    const name = str(p, 'name');
    return `${str(p, field) || '0'}/${str(p, 'protocol') || 'TCP'}${name === '' ? '' : ` (${name})`}`;
  });
  return all.length === 0 ? '<none>' : all.join(', ');
}

function multi(pad: string, label: string, values: readonly Json[]): string {
  return values.length === 0 ? '' : `${pad}${label}:\n${values.map((v) => `${pad}  ${String(v)}\n`).join('')}`;
}

function resources(pad: string, label: string, r: JsonObject): string {
  const keys = sortedKeys(r);
  return keys.length === 0 ? '' : `${pad}${label}:\n${keys.map((k) => `${pad}  ${k}:\t${r[k]}\n`).join('')}`;
}

function env(pad: string, c: Json): string {
  const vars = list(c, 'env');
  if (vars.length === 0) return `${pad}Environment:\t<none>\n`;
  const line = (e: Json): string => {
    const from = obj(e, 'valueFrom');
    const name = str(e, 'name');
    if (isObject(from.fieldRef)) return `${name}:\t (${str(from.fieldRef, 'apiVersion') || 'v1'}:${str(from.fieldRef, 'fieldPath')})`;
    for (const [k, what] of [
      ['secretKeyRef', 'secret'],
      ['configMapKeyRef', 'config map'],
    ] as const)
      if (isObject(from[k])) {
        const optional = at(from[k], 'optional') === true;
        const of = what === 'secret' ? 'in secret' : 'of config map';
        return `${name}:\t<set to the key '${str(from[k], 'key')}' ${of} '${str(from[k], 'name')}'>\tOptional: ${optional}`;
      }
    return `${name}:\t${str(e, 'value')}`;
  };
  return `${pad}Environment:\n${vars.map((e) => `${pad}  ${line(e)}\n`).join('')}`;
}

function mounts(pad: string, c: Json): string {
  const all = [...list(c, 'volumeMounts')].sort((a, b) => (str(a, 'mountPath') < str(b, 'mountPath') ? -1 : 1));
  if (all.length === 0) return `${pad}Mounts:\t<none>\n`;
  return `${pad}Mounts:\n${all.map((m) => `${pad}  ${str(m, 'mountPath')} from ${str(m, 'name')} (${at(m, 'readOnly') === true ? 'ro' : 'rw'})\n`).join('')}`;
}

function container(c: Json): string {
  const pad = '    ';
  const one = list(c, 'ports').length > 1 ? 's' : '';
  return [
    `   ${str(c, 'name')}:\n`,
    `${pad}Image:\t${str(c, 'image')}\n`,
    `${pad}Port${one}:\t${ports(c, 'containerPort')}\n`,
    `${pad}Host Port${one}:\t${ports(c, 'hostPort')}\n`,
    multi(pad, 'Command', list(c, 'command')),
    multi(pad, 'Args', list(c, 'args')),
    resources(pad, 'Limits', obj(c, 'resources', 'limits')),
    resources(pad, 'Requests', obj(c, 'resources', 'requests')),
    env(pad, c),
    mounts(pad, c),
  ].join('');
}

function volume(v: Json): string {
  const kinds: Readonly<Record<string, string>> = {
    emptyDir: "EmptyDir (a temporary directory that shares a pod's lifetime)",
    configMap: 'ConfigMap (a volume populated by a ConfigMap)',
    secret: 'Secret (a volume populated by a Secret)',
    hostPath: 'HostPath (bare host directory volume)',
    persistentVolumeClaim: 'PersistentVolumeClaim (a reference to a PersistentVolumeClaim in the same namespace)',
    projected: 'Projected (a volume that contains injected data from multiple sources)',
  };
  const kind = Object.keys(kinds).find((k) => at(v, k) !== undefined);
  let out = `   ${str(v, 'name')}:\n    Type:\t${kind ? kinds[kind] : '<unknown>'}\n`;
  if (kind === 'emptyDir')
    out += `    Medium:\t${str(v, 'emptyDir', 'medium')}\n    SizeLimit:\t${str(v, 'emptyDir', 'sizeLimit') || '<unset>'}\n`;
  if (kind === 'configMap') out += `    Name:\t${str(v, 'configMap', 'name')}\n    Optional:\t${at(v, 'configMap', 'optional') === true}\n`;
  if (kind === 'secret')
    out += `    SecretName:\t${str(v, 'secret', 'secretName')}\n    Optional:\t${at(v, 'secret', 'optional') === true}\n`;
  if (kind === 'hostPath') out += `    Path:\t${str(v, 'hostPath', 'path')}\n    HostPathType:\t${str(v, 'hostPath', 'type')}\n`;
  if (kind === 'persistentVolumeClaim')
    out += `    ClaimName:\t${str(v, 'persistentVolumeClaim', 'claimName')}\n    ReadOnly:\t${at(v, 'persistentVolumeClaim', 'readOnly') === true}\n`;
  return out;
}

function toleration(t: Json): string {
  const value = str(t, 'value');
  const seconds = at(t, 'tolerationSeconds');
  return `${str(t, 'key')}${value === '' ? '' : `=${value}`}${str(t, 'effect') === '' ? '' : `:${str(t, 'effect')}`}${
    str(t, 'operator') === 'Exists' && value === '' ? (str(t, 'key') === '' && str(t, 'effect') === '' ? 'op=Exists' : ' op=Exists') : ''
  }${seconds === undefined ? '' : ` for ${String(seconds)}s`}`;
}

export function podTemplateText(template: Json | undefined): string {
  if (!isObject(template)) return 'Pod Template:\n  <unset>';
  const spec = obj(template, 'spec');
  const annotations = obj(template, 'metadata', 'annotations');
  const group = (title: string, containers: readonly Json[]): string =>
    containers.length === 0 ? '' : `  ${title}:\n${containers.map(container).join('')}`;
  const volumes = list(spec, 'volumes');
  const tolerations = list(spec, 'tolerations').map(toleration);
  return [
    'Pod Template:\n',
    map('  Labels:\t', obj(template, 'metadata', 'labels'), '\t'),
    Object.keys(annotations).length > 0 ? map('  Annotations:\t', annotations, '\t').replaceAll('=', ': ') : '',
    str(spec, 'serviceAccountName') === '' ? '' : `  Service Account:\t${str(spec, 'serviceAccountName')}\n`,
    group('Init Containers', list(spec, 'initContainers')),
    group('Containers', list(spec, 'containers')),
    volumes.length === 0 ? '  Volumes:\t<none>\n' : `  Volumes:\n${volumes.map(volume).join('')}`,
    map('  Node-Selectors:\t', obj(spec, 'nodeSelector'), '\t\t'),
    tolerations.length === 0
      ? '  Tolerations:\t<none>\n'
      : tolerations.map((t, i) => `${i === 0 ? '  Tolerations:\t' : '\t'}${t}\n`).join(''),
  ].join('');
}
