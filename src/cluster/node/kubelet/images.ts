/** Getting a container's image onto the node: pull policy, back-off, events. Models pkg/kubelet/images */

import type { Task } from '../../../os/process.ts';
import { type Micros, SEC } from '../../../sim/sim.ts';
import { WaitQueue } from '../../../sim/wait.ts';
import type { Pod } from '../../api/object.ts';
import type { V1Container } from '../../api/types.ts';
import { parseReference } from '../../images/reference.ts';
import type { LocalImage } from '../runtime/runtime.ts';
import { type Rpc, rpcError } from '../runtime/types.ts';
import type { Kubelet } from './context.ts';
import type { WaitReason } from './status.ts';

const FIRST = 10 * SEC;
const LONGEST = 300 * SEC;

interface Waiting {
  delay: Micros;
  until: Micros;
  why: string;
}

/** `1.234s`, `845ms`: a duration as Go prints it, to the millisecond. */
export function goDuration(us: Micros): string {
  const ms = Math.round(us / 1000);
  if (ms < 1000) return `${ms}ms`;
  const seconds = String(Number((ms / 1000).toFixed(3)));
  if (ms < 60_000) return `${seconds}s`;
  return `${Math.floor(ms / 60_000)}m${String(Number(((ms % 60_000) / 1000).toFixed(3)))}s`;
}

export class ImagePuller {
  private readonly kubelet: Kubelet;
  private readonly waiting = new Map<string, Waiting>();
  private busy = false;
  private readonly idle = new WaitQueue();

  constructor(kubelet: Kubelet) {
    this.kubelet = kubelet;
  }

  /** When a pull that failed may be tried again; 0: at once. */
  nextTry(pod: Pod, c: V1Container): Micros {
    return this.waiting.get(`${pod.metadata.uid}_${c.image}`)?.until ?? 0;
  }

  forget(pod: Pod): void {
    for (const key of [...this.waiting.keys()]) if (key.startsWith(`${pod.metadata.uid}_`)) this.waiting.delete(key);
  }

  /** Null once the image is there. */
  *ensure(pod: Pod, c: V1Container): Task<WaitReason | null> {
    const { kubelet } = this;
    const { runtime, sim } = kubelet;
    const image = c.image ?? '';
    const say = (type: 'Normal' | 'Warning', reason: string, message: string): void =>
      kubelet.containerEvent(pod, c, type, reason, message);
    const ref = parseReference(image);
    if (typeof ref === 'string') {
      const message = `Failed to apply default image tag ${JSON.stringify(image)}: couldn't parse image name ${JSON.stringify(image)}: ${ref}`;
      say('Warning', 'InspectFailed', message);
      return { reason: 'InvalidImageName', message };
    }
    const present = runtime.imageOf(image) !== undefined;
    const policy = c.imagePullPolicy ?? 'IfNotPresent';
    if (policy === 'Never' || (policy === 'IfNotPresent' && present)) {
      if (present) {
        say('Normal', 'Pulled', `Container image ${JSON.stringify(image)} already present on machine and can be accessed by the pod`);
        return null;
      }
      const message = `Container image ${JSON.stringify(image)} is not present with pull policy of Never`;
      say('Warning', 'ErrImageNeverPull', message);
      return { reason: 'ErrImageNeverPull', message };
    }
    const key = `${pod.metadata.uid}_${image}`;
    const waiting = this.waiting.get(key);
    if (waiting && sim.now < waiting.until) {
      const message = `Back-off pulling image ${JSON.stringify(image)}`;
      say('Normal', 'BackOff', message);
      return { reason: 'ImagePullBackOff', message: `${message}: ErrImagePull: ${waiting.why}` };
    }
    say('Normal', 'Pulling', `Pulling image ${JSON.stringify(image)}`);
    const asked = sim.now;
    // One pull after the other (serializeImagePulls).
    while (this.busy) yield { on: [this.idle] };
    const begun = sim.now;
    this.busy = true;
    let pulled: Rpc<LocalImage>;
    try {
      pulled = yield* runtime.pullImage(image);
    } finally {
      this.busy = false;
      this.idle.wakeAll();
    }
    if (pulled.ok) {
      this.waiting.delete(key);
      const { size } = pulled.value.found.image;
      say(
        'Normal',
        'Pulled',
        `Successfully pulled image ${JSON.stringify(image)} in ${goDuration(sim.now - begun)} (${goDuration(sim.now - asked)} including waiting). Image size: ${size} bytes.`,
      );
      return null;
    }
    const why = rpcError(pulled);
    const delay = Math.min(LONGEST, waiting ? waiting.delay * 2 : FIRST);
    this.waiting.set(key, { delay, until: sim.now + delay, why });
    say('Warning', 'Failed', `Failed to pull image ${JSON.stringify(image)}: ${why}`);
    return { reason: 'ErrImagePull', message: why };
  }
}
