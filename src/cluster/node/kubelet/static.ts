/** Static pods: manifests in a directory, each with a mirror in the API. Models pkg/kubelet/config/file.go and pkg/kubelet/pod/mirror_client.go */

import { parse } from 'yaml';
import type { Task } from '../../../os/process.ts';
import { SEC } from '../../../sim/sim.ts';
import type { KubeObject, Pod } from '../../api/object.ts';
import { hex, sha256 } from '../../sha256.ts';
import type { Kubelet } from './context.ts';

/** How often the directory is looked at (fileCheckFrequency is 20 s; inotify tells of changes sooner). */
const CHECK = 2 * SEC;
const MIRROR = 'kubernetes.io/config.mirror';

const read = new Map<string, Pod | string>();

/** The pod of a manifest, or what is wrong with it. */
function manifest(text: string, path: string, node: string): Pod | string {
  const key = `${node}\0${path}\0${text}`;
  const known = read.get(key);
  if (known !== undefined) return known;
  const made = decode(text, path, node);
  if (read.size < 256) read.set(key, made);
  return made;
}

function decode(text: string, path: string, node: string): Pod | string {
  let raw: unknown;
  try {
    raw = parse(text);
  } catch (e) {
    return `couldn't parse as pod(${e instanceof Error ? (e.message.split('\n')[0] ?? '') : ''}), please check config file`;
  }
  const o = raw as Partial<Pod> | null;
  if (!o || o.kind !== 'Pod' || !o.metadata?.name || !o.spec) return `couldn't parse as pod(no kind "Pod"), please check config file`;
  const digest = hex(sha256(`${node}\0${text}`));
  const hash = digest.slice(0, 32);
  return {
    ...(o as Pod),
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      ...o.metadata,
      name: `${o.metadata.name}-${node}`,
      namespace: o.metadata.namespace ?? 'default',
      uid: hash,
      annotations: {
        ...o.metadata.annotations,
        'kubernetes.io/config.hash': hash,
        'kubernetes.io/config.seen': path,
        'kubernetes.io/config.source': 'file',
      },
      resourceVersion: '',
      creationTimestamp: '',
    },
    spec: {
      restartPolicy: 'Always',
      terminationGracePeriodSeconds: 30,
      dnsPolicy: 'ClusterFirst',
      enableServiceLinks: true,
      ...o.spec,
      nodeName: node,
      tolerations: [{ effect: 'NoExecute', operator: 'Exists' }],
      containers: o.spec.containers.map((c) => ({
        imagePullPolicy: /:latest$|^[^:]+$/.test(c.image ?? '') ? 'Always' : 'IfNotPresent',
        terminationMessagePath: '/dev/termination-log',
        terminationMessagePolicy: 'File',
        ...c,
      })),
    },
  };
}

export function* staticPods(kubelet: Kubelet): Task<void> {
  const { p, config, sim } = kubelet;
  const complained = new Set<string>();
  if (config.staticPodPath === '') return;
  for (;;) {
    const found = new Map<string, Pod>();
    const names = p.readdir(config.staticPodPath);
    for (const name of names.ok ? names.value : []) {
      if (name.startsWith('.')) continue;
      const path = `${config.staticPodPath}/${name}`;
      const text = p.readText(path);
      if (text === null) continue;
      const pod = manifest(text, path, config.nodeName);
      if (typeof pod === 'string') {
        if (!complained.has(text)) kubelet.log('E', 'file.go:187', 'Could not process manifest file', { err: `${path}: ${pod}`, path });
        complained.add(text);
        continue;
      }
      const stamped: Pod = {
        ...pod,
        metadata: { ...pod.metadata, annotations: { ...pod.metadata.annotations, 'kubernetes.io/config.seen': kubelet.started } },
      };
      found.set(`${pod.metadata.namespace}/${pod.metadata.name}`, stamped);
    }
    for (const [key, pod] of [...kubelet.staticPods])
      if (found.get(key)?.metadata.uid !== pod.metadata.uid) {
        kubelet.staticPods.delete(key);
        kubelet.podGone(pod);
      }
    for (const [key, pod] of found)
      if (!kubelet.staticPods.has(key)) {
        kubelet.staticPods.set(key, pod);
        kubelet.assign(pod);
      }
    mirrors(kubelet);
    yield { until: sim.now + (kubelet.node ? CHECK : SEC / 10) };
  }
}

/** Every static pod has its image in the API, and no image is without its pod. */
function mirrors(kubelet: Kubelet): void {
  const { client, node } = kubelet;
  if (!node) return;
  for (const seen of [...kubelet.pods.values()]) {
    const hash = seen.metadata.annotations?.[MIRROR];
    if (hash === undefined) continue;
    const pod = kubelet.staticPods.get(`${seen.metadata.namespace}/${seen.metadata.name}`);
    if (pod?.metadata.annotations?.['kubernetes.io/config.hash'] === hash && seen.metadata.deletionTimestamp === undefined) continue;
    client.delete('pods', seen.metadata.namespace ?? '', seen.metadata.name, { gracePeriodSeconds: 0 });
  }
  for (const [key, pod] of kubelet.staticPods) {
    if (kubelet.pods.get(key)) continue;
    const { uid: _, resourceVersion: _r, creationTimestamp: _c, ...metadata } = pod.metadata;
    const hash = pod.metadata.annotations?.['kubernetes.io/config.hash'] as string;
    const mirror = {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: {
        ...metadata,
        annotations: { ...metadata.annotations, [MIRROR]: hash },
        ownerReferences: [{ apiVersion: 'v1', controller: true, kind: 'Node', name: kubelet.config.nodeName, uid: node.metadata.uid }],
      },
      spec: pod.spec,
    };
    const made = client.create(mirror as KubeObject);
    if (made.ok) for (const w of kubelet.workers.values()) if (w.pod.metadata.uid === pod.metadata.uid) w.wake();
  }
}
