// Writes the schemas of the Kubernetes API: src/cluster/api/types.ts, schema/fields.json and schema/docs.json, from the models of
// @kubernetes/client-node (Apache-2.0), whose version says which Kubernetes release they describe.
// Use: npm pack @kubernetes/client-node@2.0.1, unpack it, node tools/kubeschema.mjs package/dist/gen/models
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const models = process.argv[2];
if (!models || !existsSync(join(models, 'V1Pod.js'))) {
  console.error('usage: node tools/kubeschema.mjs PATH-TO-client-node/dist/gen/models');
  process.exit(2);
}

const ROOTS = `V1Pod V1Service V1Endpoints V1ConfigMap V1Secret V1Namespace V1Node V1PersistentVolume V1PersistentVolumeClaim
V1ServiceAccount CoreV1Event EventsV1Event V1LimitRange V1ResourceQuota V1ReplicationController V1PodTemplate V1Binding V1ComponentStatus
V1Deployment V1ReplicaSet V1DaemonSet V1StatefulSet V1ControllerRevision V1Job V1CronJob V1Ingress V1IngressClass V1NetworkPolicy
V1ServiceCIDR V1IPAddress V1EndpointSlice V1PodDisruptionBudget V1Eviction V1HorizontalPodAutoscaler V2HorizontalPodAutoscaler V1Scale
V1Lease V1Role V1RoleBinding V1ClusterRole V1ClusterRoleBinding V1StorageClass V1PriorityClass V1RuntimeClass V1CustomResourceDefinition
V1SubjectAccessReview V1SelfSubjectAccessReview V1SelfSubjectRulesReview V1LocalSubjectAccessReview V1TokenReview V1SelfSubjectReview
AuthenticationV1TokenRequest V1MutatingWebhookConfiguration V1ValidatingWebhookConfiguration V1ValidatingAdmissionPolicy
V1ValidatingAdmissionPolicyBinding V1APIService V1CertificateSigningRequest V1Status V1DeleteOptions V1FlowSchema
V1PriorityLevelConfiguration V1CSIDriver V1CSINode V1CSIStorageCapacity V1VolumeAttachment V1VolumeAttributesClass V1DeviceClass
V1ResourceSlice V1ResourceClaimTemplate ResourceV1ResourceClaim`.split(/\s+/);

/** `Array<V1Pod>` -> `[]V1Pod`, `{ [key: string]: string; }` -> `map[string]string`, numbers and dates by their format. */
function schemaType(type, format) {
  const list = /^Array<(.*)>$/.exec(type);
  if (list) return `[]${schemaType(list[1], format)}`;
  const map = /^\{ \[key: string\]: (.*); \}$/.exec(type);
  if (map) return `map[string]${schemaType(map[1], '')}`;
  if (type === 'Date') return format || 'date-time';
  if (type === 'V1MicroTime') return 'micro-time';
  if (type === 'IntOrString') return 'int-or-string';
  if (type === 'number') return format || 'number';
  if (type === 'string') return format || 'string';
  return type;
}

function tsType(type) {
  if (type.startsWith('[]')) return `readonly ${wrap(tsType(type.slice(2)))}[]`;
  if (type.startsWith('map[string]')) return `Readonly<Record<string, ${tsType(type.slice(11))}>>`;
  if (/^(int32|int64|double|number)$/.test(type)) return 'number';
  if (/^(string|byte|date-time|date-time-micro|micro-time)$/.test(type)) return 'string';
  if (type === 'int-or-string') return 'number | string';
  return type === 'any' ? 'unknown' : type;
}
const wrap = (t) => (t.includes(' ') ? `(${t})` : t);

const fields = {};
const docs = {};
const queue = [...ROOTS];
while (queue.length > 0) {
  const name = queue.pop();
  if (fields[name]) continue;
  const js = readFileSync(join(models, `${name}.js`), 'utf8');
  const dts = readFileSync(join(models, `${name}.d.ts`), 'utf8');
  const map = JSON.parse(/attributeTypeMap = (\[[\s\S]*?\n\]|\[\]);/.exec(js)[1]);
  const doc = (text) =>
    text
      .replace(/^\s*\*? ?/gm, '')
      .replace(/\\(["'])/g, '$1')
      .trim();
  const texts = { '': doc(/\/\*\*\n([\s\S]*?)\*\/\nexport declare class/.exec(dts)?.[1].split('\n* ').at(-1) ?? '') };
  const own = {};
  for (const a of map) {
    const line = new RegExp(`(?:/\\*\\*((?:(?!\\*/)[\\s\\S])*)\\*/\\s*)?'${a.name.replace('$', '\\$')}'(\\??):`).exec(dts);
    const type = schemaType(a.type, a.format);
    own[a.baseName] = type + (line?.[2] === '?' ? '' : '!');
    texts[a.baseName] = doc(line?.[1] ?? '');
    for (const ref of type.matchAll(/[A-Z]\w*(?:V\d|V\d+(?:alpha|beta)\d+)?\w*/g))
      if (existsSync(join(models, `${ref[0]}.js`))) queue.push(ref[0]);
  }
  fields[name] = own;
  docs[name] = texts;
}

const names = Object.keys(fields).sort();
const sorted = (o) => Object.fromEntries(names.map((n) => [n, o[n]]));
const ts = names.map((n) => {
  const body = Object.entries(fields[n]).map(([key, type]) => {
    const required = type.endsWith('!');
    return `  readonly ${/^\w+$/.test(key) ? key : `'${key}'`}${required ? '' : '?'}: ${tsType(required ? type.slice(0, -1) : type)};`;
  });
  return body.length > 0 ? `export interface ${n} {\n${body.join('\n')}\n}\n` : `export type ${n} = Record<string, never>;\n`;
});
const out = 'src/cluster/api';
writeFileSync(
  `${out}/types.ts`,
  `/** Shapes of the Kubernetes v1.36 API. Written by tools/kubeschema.mjs: do not edit. */\n\n${ts.join('\n')}`,
);
writeFileSync(
  `${out}/schema/fields.json`,
  `${JSON.stringify(sorted(fields), null, 1)
    .replace(/\n {2}/g, ' ')
    .replace(/\n }/g, ' }')}\n`,
);
writeFileSync(`${out}/schema/docs.json`, `${JSON.stringify(sorted(docs), null, 1)}\n`);
console.log(`${names.length} definitions`);
