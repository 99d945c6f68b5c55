/** Claims find volumes that somebody made; nothing provisions new ones. Models pkg/controller/volume/persistentvolume. */

import { SEC } from '../../sim/sim.ts';
import { WorkQueue } from '../api/informer.ts';
import { type KubeObject, keyOf, type Stored } from '../api/object.ts';
import { compareQuantities } from '../api/quantity.ts';
import { matchesSelector } from '../api/selectors.ts';
import type { V1PersistentVolume, V1PersistentVolumeClaim, V1StorageClass } from '../api/types.ts';
import type { Controller, ControllerContext, Running } from './context.ts';
import { Recorder, referenceTo } from './events.ts';

const CLAIMS = 'persistentvolumeclaims';
const VOLUMES = 'persistentvolumes';
const CLASSES = 'storageclasses.storage.k8s.io';
const BOUND = 'pv.kubernetes.io/bind-completed';
const BOUND_BY_CONTROLLER = 'pv.kubernetes.io/bound-by-controller';
const RESYNC = 15 * SEC;

type Claim = Stored<V1PersistentVolumeClaim>;
type Volume = Stored<V1PersistentVolume>;
type Quantities = Readonly<Record<string, string>> | undefined;

const sizeOf = (list: unknown): string | undefined => (list as Quantities)?.storage;

/** Whether the volume is free and all that the claim asks for. */
export function satisfies(volume: Volume, claim: Claim): boolean {
  const { spec } = volume;
  const want = claim.spec;
  const ref = spec?.claimRef;
  if (volume.metadata.deletionTimestamp !== undefined) return false;
  if (
    ref &&
    (ref.namespace !== claim.metadata.namespace ||
      ref.name !== claim.metadata.name ||
      (ref.uid !== undefined && ref.uid !== claim.metadata.uid))
  )
    return false;
  if ((spec?.storageClassName ?? '') !== (want?.storageClassName ?? '')) return false;
  if ((spec?.volumeMode ?? 'Filesystem') !== (want?.volumeMode ?? 'Filesystem')) return false;
  if (!(want?.accessModes ?? []).every((m) => spec?.accessModes?.includes(m))) return false;
  if (want?.selector && !matchesSelector(want.selector, volume.metadata.labels)) return false;
  return compareQuantities(sizeOf(spec?.capacity), sizeOf(want?.resources?.requests)) >= 0;
}

class VolumeBinder implements Running {
  private readonly ctx: ControllerContext;
  private readonly events: Recorder;
  private readonly queue: WorkQueue;

  constructor(ctx: ControllerContext) {
    this.ctx = ctx;
    this.events = new Recorder(ctx.sim, ctx.client, 'persistentvolume-controller');
    this.queue = new WorkQueue(ctx.sim, (key) => this.sync(key));
    const all = (): void => {
      for (const c of ctx.informers.of<Claim>(CLAIMS).values()) if (c.status?.phase !== 'Bound') this.queue.add(keyOf(c));
    };
    ctx.informers.of<V1StorageClass & KubeObject>(CLASSES).on({ add: all });
    ctx.informers.of<Volume>(VOLUMES).on({ add: all, update: all });
    ctx.informers.of<Claim>(CLAIMS).on({
      add: (c) => this.queue.add(keyOf(c)),
      update: (old, c) => {
        if (old.spec !== c.spec) this.queue.add(keyOf(c));
      },
      delete: (c) => this.released(c),
    });
  }

  private released(claim: Claim): void {
    const name = claim.spec?.volumeName;
    const volume = name ? this.ctx.informers.of<Volume>(VOLUMES).get(name) : undefined;
    if (volume?.spec?.claimRef?.uid === claim.metadata.uid)
      this.ctx.client.update({ ...volume, status: { ...volume.status, phase: 'Released' } }, { subresource: 'status' });
  }

  private sync(key: string): 'done' | 'again' | number {
    const claim = this.ctx.informers.of<Claim>(CLAIMS).get(key);
    if (!claim || claim.metadata.deletionTimestamp !== undefined || claim.status?.phase === 'Bound') return 'done';
    const wanted = claim.spec?.volumeName;
    const free = [...this.ctx.informers.of<Volume>(VOLUMES).values()]
      .filter((v) => (wanted ? v.metadata.name === wanted : satisfies(v, claim)))
      .sort(
        (a, b) => compareQuantities(sizeOf(a.spec?.capacity), sizeOf(b.spec?.capacity)) || (a.metadata.name < b.metadata.name ? -1 : 1),
      );
    const volume = free.find((v) => v.spec?.claimRef !== undefined) ?? free[0];
    if (volume) return this.bind(claim, volume);
    this.explain(claim);
    return RESYNC;
  }

  private explain(claim: Claim): void {
    const name = claim.spec?.storageClassName ?? '';
    if (name === '') {
      this.events.event(claim, 'Normal', 'FailedBinding', 'no persistent volumes available for this claim and no storage class is set');
      return;
    }
    const sc = this.ctx.informers.of<V1StorageClass & KubeObject>(CLASSES).get(name);
    if (!sc) this.events.event(claim, 'Warning', 'ProvisioningFailed', `storageclass.storage.k8s.io "${name}" not found`);
    else if (sc.volumeBindingMode === 'WaitForFirstConsumer')
      this.events.event(claim, 'Normal', 'WaitForFirstConsumer', 'waiting for first consumer to be created before binding');
    else if (sc.provisioner === 'kubernetes.io/no-provisioner')
      this.events.event(claim, 'Warning', 'ProvisioningFailed', 'no volume plugin matched name: kubernetes.io/no-provisioner');
    else
      this.events.event(
        claim,
        'Normal',
        'ExternalProvisioning',
        `Waiting for a volume to be created either by the external provisioner '${sc.provisioner}' or manually by the system administrator. If volume creation is delayed, please verify that the provisioner is running and correctly registered.`,
      );
  }

  private bind(claim: Claim, volume: Volume): 'done' | 'again' {
    const { client } = this.ctx;
    const claimRef = referenceTo(claim);
    const mark = (o: KubeObject): Readonly<Record<string, string>> => ({ ...o.metadata.annotations, [BOUND_BY_CONTROLLER]: 'yes' });
    const held = client.update({
      ...volume,
      metadata: { ...volume.metadata, annotations: mark(volume) },
      spec: { ...volume.spec, claimRef },
    } as Volume);
    if (!held.ok) return 'again';
    client.update({ ...held.value, status: { ...held.value.status, phase: 'Bound' } }, { subresource: 'status' });
    const annotations = { ...mark(claim), [BOUND]: 'yes' };
    const taken = client.update({
      ...claim,
      metadata: { ...claim.metadata, annotations },
      spec: { ...claim.spec, volumeName: volume.metadata.name },
    });
    if (!taken.ok) return 'again';
    const status = { ...taken.value.status, phase: 'Bound', accessModes: volume.spec?.accessModes, capacity: volume.spec?.capacity };
    return client.update({ ...taken.value, status }, { subresource: 'status' }).ok ? 'done' : 'again';
  }

  stop(): void {
    this.queue.stop();
  }
}

export const volumeBinder: Controller = { name: 'persistentvolume-binder-controller', start: (ctx) => new VolumeBinder(ctx) };
