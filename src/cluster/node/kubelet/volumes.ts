/** Volumes of a pod under /var/lib/kubelet/pods: emptyDir, configMap, secret, projected, downwardAPI, hostPath. Models pkg/volume */

import { CharDevice, Directory, type Inode, RegularFile, SocketInode, Symlink } from '../../../os/inode.ts';
import type { Machine } from '../../../os/machine.ts';
import { fromBase64 } from '../../../wire/der.ts';
import type { Pod } from '../../api/object.ts';
import type { V1Container, V1DownwardAPIVolumeFile, V1KeyToPath, V1Volume, V1VolumeMount, V1VolumeProjection } from '../../api/types.ts';
import type { Mount } from '../runtime/types.ts';
import { type EnvSources, expand, fieldValue, type PodFacts, resourceValue, secretText } from './env.ts';

export const PODS_DIR = '/var/lib/kubelet/pods';

export interface VolumeSources extends EnvSources {
  /** A token for the pod's service account, or what is wrong. */
  token(pod: Pod, audience: string, seconds: number): { readonly token: string } | { readonly error: string };
}

interface FileEntry {
  readonly path: string;
  readonly data: string | Uint8Array;
  readonly mode: number;
}

type Payload = { readonly ok: true; readonly files: readonly FileEntry[] } | { readonly ok: false; readonly text: string };

export const podDirectory = (pod: Pod): string => `${PODS_DIR}/${pod.metadata.uid}`;

function chosen(
  data: ReadonlyMap<string, string | Uint8Array>,
  items: readonly V1KeyToPath[] | undefined,
  mode: number,
  optional: boolean,
): Payload {
  if (!items || items.length === 0) return { ok: true, files: [...data].map(([path, d]) => ({ path, data: d, mode })) };
  const files: FileEntry[] = [];
  for (const item of items) {
    const d = data.get(item.key);
    if (d === undefined) {
      if (optional) continue;
      return { ok: false, text: `references non-existent config key: ${item.key}` };
    }
    files.push({ path: item.path, data: d, mode: item.mode ?? mode });
  }
  return { ok: true, files };
}

function configMapPayload(
  pod: Pod,
  sources: VolumeSources,
  name: string,
  items: readonly V1KeyToPath[] | undefined,
  mode: number,
  optional: boolean,
): Payload {
  const namespace = pod.metadata.namespace ?? '';
  const map = sources.configMap(namespace, name);
  if (!map) return optional ? { ok: true, files: [] } : { ok: false, text: `configmap ${JSON.stringify(name)} not found` };
  const data = new Map<string, string | Uint8Array>(Object.entries(map.data ?? {}));
  for (const [k, v] of Object.entries(map.binaryData ?? {})) data.set(k, fromBase64(v as unknown as string));
  const out = chosen(data, items, mode, optional);
  return out.ok ? out : { ok: false, text: `configmap ${out.text}` };
}

function secretPayload(
  pod: Pod,
  sources: VolumeSources,
  name: string,
  items: readonly V1KeyToPath[] | undefined,
  mode: number,
  optional: boolean,
): Payload {
  const namespace = pod.metadata.namespace ?? '';
  const secret = sources.secret(namespace, name);
  if (!secret) return optional ? { ok: true, files: [] } : { ok: false, text: `secret ${JSON.stringify(name)} not found` };
  const data = new Map<string, string>(Object.keys(secret.data ?? {}).map((k) => [k, secretText(secret, k) ?? '']));
  const out = chosen(data, items, mode, optional);
  return out.ok ? out : { ok: false, text: out.text.replace('config key', 'secret key') };
}

function downwardFiles(
  pod: Pod,
  sources: VolumeSources,
  facts: PodFacts,
  items: readonly V1DownwardAPIVolumeFile[],
  mode: number,
): Payload {
  const files: FileEntry[] = [];
  for (const item of items) {
    let data = '';
    if (item.fieldRef) data = fieldValue(pod, item.fieldRef.fieldPath, facts) ?? '';
    else if (item.resourceFieldRef) {
      const of =
        pod.spec?.containers.find((c) => c.name === item.resourceFieldRef?.containerName) ?? (pod.spec?.containers[0] as V1Container);
      data = resourceValue(item.resourceFieldRef, of, sources.allocatable);
    }
    files.push({ path: item.path, data, mode: item.mode ?? mode });
  }
  return { ok: true, files };
}

function projection(pod: Pod, sources: VolumeSources, facts: PodFacts, s: V1VolumeProjection, mode: number): Payload {
  if (s.serviceAccountToken) {
    const t = sources.token(pod, s.serviceAccountToken.audience ?? '', s.serviceAccountToken.expirationSeconds ?? 3600);
    if ('error' in t) return { ok: false, text: `failed to fetch token: ${t.error}` };
    return { ok: true, files: [{ path: s.serviceAccountToken.path, data: t.token, mode: mode === 0o644 ? 0o644 : mode }] };
  }
  if (s.configMap) return configMapPayload(pod, sources, s.configMap.name ?? '', s.configMap.items, mode, s.configMap.optional === true);
  if (s.secret) return secretPayload(pod, sources, s.secret.name ?? '', s.secret.items, mode, s.secret.optional === true);
  if (s.downwardAPI) return downwardFiles(pod, sources, facts, s.downwardAPI.items ?? [], mode);
  return { ok: true, files: [] };
}

function payloadOf(pod: Pod, v: V1Volume, sources: VolumeSources, facts: PodFacts): Payload | null {
  if (v.configMap)
    return configMapPayload(
      pod,
      sources,
      v.configMap.name ?? '',
      v.configMap.items,
      v.configMap.defaultMode ?? 0o644,
      v.configMap.optional === true,
    );
  if (v.secret)
    return secretPayload(
      pod,
      sources,
      v.secret.secretName ?? '',
      v.secret.items,
      v.secret.defaultMode ?? 0o644,
      v.secret.optional === true,
    );
  if (v.downwardAPI) return downwardFiles(pod, sources, facts, v.downwardAPI.items ?? [], v.downwardAPI.defaultMode ?? 0o644);
  if (v.projected) {
    const files: FileEntry[] = [];
    for (const s of v.projected.sources ?? []) {
      const part = projection(pod, sources, facts, s, v.projected.defaultMode ?? 0o644);
      if (!part.ok) return part;
      files.push(...part.files);
    }
    return { ok: true, files };
  }
  return null;
}

/** A directory as AtomicWriter leaves it: files below a dated directory, `..data` a link to it. */
function writeAtomically(dir: Directory, machine: Machine, files: readonly FileEntry[]): void {
  const stamp = `..${new Date(machine.sim.epochMs + machine.sim.now / 1000).toISOString().slice(0, 19).replaceAll(/[-:]/g, '_').replace('T', '_')}.${machine.sim.serial('atomic')}`;
  for (const [name] of dir.list(machine.init)) dir.unlink(name);
  const payload = new Directory();
  for (const f of files) {
    let at = payload;
    const parts = f.path.split('/');
    for (const part of parts.slice(0, -1)) {
      const next = at.lookup(part, machine.init);
      const made = next instanceof Directory ? next : new Directory();
      at.link(part, made);
      at = made;
    }
    at.link(parts.at(-1) as string, new RegularFile(f.data, f.mode));
  }
  dir.link(stamp, payload);
  dir.link('..data', new Symlink(stamp));
  for (const top of new Set(files.map((f) => f.path.split('/')[0] as string))) dir.link(top, new Symlink(`..data/${top}`));
}

const PLUGIN: readonly (readonly [keyof V1Volume, string])[] = [
  ['emptyDir', 'kubernetes.io~empty-dir'],
  ['configMap', 'kubernetes.io~configmap'],
  ['secret', 'kubernetes.io~secret'],
  ['projected', 'kubernetes.io~projected'],
  ['downwardAPI', 'kubernetes.io~downward-api'],
];

interface Mounted {
  readonly node: Inode;
  readonly path: string;
  readonly type: string;
  payload: string;
}

/** The volumes of one pod that have been set up. */
export class PodVolumes {
  private readonly machine: Machine;
  private readonly mounted = new Map<string, Mounted>();

  constructor(machine: Machine) {
    this.machine = machine;
  }

  /** Sets up what is not there yet; the text of FailedMount when something is missing. */
  setUp(pod: Pod, sources: VolumeSources, facts: PodFacts): string | null {
    for (const v of pod.spec?.volumes ?? []) {
      if (this.mounted.has(v.name)) continue;
      const wrong = this.one(pod, v, sources, facts);
      if (wrong !== null) return `MountVolume.SetUp failed for volume ${JSON.stringify(v.name)} : ${wrong}`;
    }
    return null;
  }

  /** Writes config maps and secrets anew whose content has changed. */
  refresh(pod: Pod, sources: VolumeSources, facts: PodFacts): void {
    for (const v of pod.spec?.volumes ?? []) {
      const m = this.mounted.get(v.name);
      if (!m || !(m.node instanceof Directory) || v.emptyDir || v.hostPath) continue;
      const payload = payloadOf(
        pod,
        v.projected
          ? { ...v, projected: { ...v.projected, sources: (v.projected.sources ?? []).filter((s) => !s.serviceAccountToken) } }
          : v,
        sources,
        facts,
      );
      if (!payload?.ok || v.projected?.sources?.some((s) => s.serviceAccountToken)) continue;
      const text = digest(payload.files);
      if (text === m.payload) continue;
      m.payload = text;
      writeAtomically(m.node, this.machine, payload.files);
    }
  }

  private one(pod: Pod, v: V1Volume, sources: VolumeSources, facts: PodFacts): string | null {
    if (v.hostPath) return this.hostPath(v);
    const plugin = PLUGIN.find(([key]) => v[key] !== undefined);
    if (!plugin) {
      const kind = Object.keys(v).find((k) => k !== 'name') ?? 'unknown';
      return `volumes of type ${kind} are not emulated`;
    }
    const path = `${podDirectory(pod)}/volumes/${plugin[1]}/${v.name}`;
    const payload = payloadOf(pod, v, sources, facts);
    if (payload && !payload.ok) return payload.text;
    const tmpfs = v.secret !== undefined || v.projected !== undefined || v.emptyDir?.medium === 'Memory';
    let node: Directory;
    if (payload?.ok) {
      const { files } = payload;
      // Most of them are never looked into.
      node = new Directory((d) => writeAtomically(d, this.machine, files), 0o1777);
    } else node = new Directory(undefined, 0o777);
    this.machine.directory(path.slice(0, path.lastIndexOf('/'))).link(v.name, node);
    this.mounted.set(v.name, { node, path, type: tmpfs ? 'tmpfs' : 'ext4', payload: payload?.ok ? digest(payload.files) : '' });
    return null;
  }

  private hostPath(v: V1Volume): string | null {
    const { path, type = '' } = v.hostPath as { path: string; type?: string };
    const { machine } = this;
    const found = machine.fs.lookup(machine.init, path);
    let node = found.ok ? found.value : null;
    const failed = (what: string): string => `hostPath type check failed: ${path} is not ${what}`;
    if (type === 'Directory' && !(node instanceof Directory)) return failed('a directory');
    if (type === 'File' && node?.kind !== 'file') return failed('a file');
    if (type === 'Socket' && !(node instanceof SocketInode)) return failed('a socket file');
    if (type === 'CharDevice' && !(node instanceof CharDevice)) return failed('a character device');
    if (!node && type === 'FileOrCreate') {
      node = new RegularFile();
      machine.directory(path.slice(0, path.lastIndexOf('/'))).link(path.slice(path.lastIndexOf('/') + 1), node);
    }
    if (!node) node = machine.directory(path);
    this.mounted.set(v.name, { node, path, type: 'ext4', payload: '' });
    return null;
  }

  /** Mounts of a container. A text: something that keeps it from being made. */
  mountsOf(pod: Pod, c: V1Container, hosts: RegularFile, env: { get(name: string): string | undefined }): Mount[] | string {
    const out: Mount[] = [];
    for (const m of c.volumeMounts ?? []) {
      const volume = this.mounted.get(m.name);
      if (!volume) return `cannot find volume ${JSON.stringify(m.name)} to mount into container ${JSON.stringify(c.name)}`;
      const sub = m.subPathExpr !== undefined ? expand(m.subPathExpr, env) : (m.subPath ?? '');
      const node = sub === '' ? volume.node : this.below(volume.node, sub);
      if (!node) return `failed to prepare subPath for volumeMount ${JSON.stringify(m.name)} of container ${JSON.stringify(c.name)}`;
      out.push({
        containerPath: m.mountPath.startsWith('/') ? m.mountPath : `/${m.mountPath}`,
        hostPath: sub === '' ? volume.path : `${volume.path}/${sub}`,
        node,
        readonly: readonlyMount(pod, m),
        type: volume.type,
      });
    }
    if (!out.some((m) => m.containerPath === '/etc/hosts'))
      out.push({ containerPath: '/etc/hosts', hostPath: `${podDirectory(pod)}/etc-hosts`, node: hosts, readonly: false });
    return out;
  }

  /** A part of a volume, made as a directory when missing; links that leave it are not followed. */
  private below(root: Inode, path: string): Inode | null {
    let node = root;
    const todo = path.split('/').reverse();
    for (let steps = 0; todo.length > 0 && steps < 100; steps++) {
      const part = todo.pop() as string;
      if (part === '' || part === '.') continue;
      if (part === '..' || !(node instanceof Directory)) return null;
      let next = node.lookup(part, this.machine.init);
      if (next instanceof Symlink) {
        const target = next.target(this.machine.init);
        if (target.startsWith('/')) return null;
        todo.push(...target.split('/').reverse());
        continue;
      }
      if (!next) {
        next = new Directory(undefined, 0o755);
        node.link(part, next);
      }
      node = next;
    }
    return node;
  }

  /** Takes the pod's directory away. */
  tearDown(pod: Pod): void {
    this.mounted.clear();
    this.machine.directory(PODS_DIR).unlink(pod.metadata.uid);
  }
}

/** Config maps, secrets and what is projected are read-only whatever the mount says. */
function readonlyMount(pod: Pod, m: V1VolumeMount): boolean {
  const v = pod.spec?.volumes?.find((x) => x.name === m.name);
  return (
    m.readOnly === true ||
    v?.configMap !== undefined ||
    v?.secret !== undefined ||
    v?.projected !== undefined ||
    v?.downwardAPI !== undefined
  );
}

function digest(files: readonly FileEntry[]): string {
  return files.map((f) => `${f.path}\0${f.mode}\0${typeof f.data === 'string' ? f.data : f.data.join(',')}`).join('\x01');
}
