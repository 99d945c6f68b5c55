/** Conditions that the control plane sets on pods. Models podutil.UpdatePodCondition with a patch of the status. */

import type { Client } from '../api/client.ts';
import type { Pod } from '../api/object.ts';
import type { V1PodCondition, V1PodStatus } from '../api/types.ts';

/** True unless the API refused a pod that is still there. */
export function setPodCondition(client: Client, pod: Pod, condition: V1PodCondition, more: V1PodStatus = {}): boolean {
  const live = client.get<Pod>('pods', pod.metadata.namespace ?? '', pod.metadata.name);
  if (!live.ok || live.value.metadata.uid !== pod.metadata.uid) return true;
  const conditions = live.value.status?.conditions ?? [];
  const i = conditions.findIndex((c) => c.type === condition.type);
  const next = i < 0 ? [...conditions, condition] : conditions.map((c, j) => (j === i ? { ...c, ...condition } : c));
  const written = client.update({ ...live.value, status: { ...live.value.status, ...more, conditions: next } }, { subresource: 'status' });
  return written.ok || written.status.code === 404;
}
