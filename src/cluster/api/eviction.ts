/** Eviction: deletion of a pod as far as its disruption budgets allow. Models registry/core/pod/storage/eviction.go. */

import type { ApiResult, DeleteOptions } from './client.ts';
import { removeObject } from './deletion.ts';
import type { AnyObject, KubeObject } from './object.ts';
import type { ResourceDef } from './resources.ts';
import { type LabelSelector, matchesSelector } from './selectors.ts';
import { failure, internal, tooManyRequests } from './status.ts';
import { type Call, store } from './write.ts';

interface BudgetStatus {
  readonly disruptionsAllowed?: number;
  readonly observedGeneration?: number;
  readonly expectedPods?: number;
  readonly currentHealthy?: number;
  readonly desiredHealthy?: number;
  readonly disruptedPods?: Readonly<Record<string, string>>;
}

const succeeded = (): ApiResult<AnyObject> => ({
  ok: true,
  value: { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success', code: 201 } as unknown as AnyObject,
});

function ready(pod: AnyObject): boolean {
  const conditions = (pod.status as { readonly conditions?: readonly { readonly type: string; readonly status: string }[] } | undefined)
    ?.conditions;
  return conditions?.some((c) => c.type === 'Ready' && c.status === 'True') === true;
}

export function evict(call: Call, pods: ResourceDef, pod: AnyObject, eviction: KubeObject): ApiResult<AnyObject> {
  const { server } = call;
  const options = ((eviction as unknown as { readonly deleteOptions?: DeleteOptions }).deleteOptions ?? {}) as DeleteOptions;
  const go = (): ApiResult<AnyObject> => {
    if (call.write.dryRun) return succeeded();
    const result = removeObject(call, pods, pod, options);
    return result.ok ? succeeded() : result;
  };
  const phase = (pod.status as { readonly phase?: string } | undefined)?.phase;
  if (phase === 'Succeeded' || phase === 'Failed' || phase === 'Pending' || pod.metadata.deletionTimestamp !== undefined) return go();
  const budgets = server
    .peekAll('poddisruptionbudgets.policy', pod.metadata.namespace ?? '')
    .filter((b) => matchesSelector((b.spec as { readonly selector?: LabelSelector } | undefined)?.selector, pod.metadata.labels));
  if (budgets.length > 1)
    return internal('This pod has more than one PodDisruptionBudget, which the eviction subresource does not support.');
  const budget = budgets[0];
  if (!budget) return go();
  const status = (budget.status ?? {}) as BudgetStatus;
  const policy = (budget.spec as { readonly unhealthyPodEvictionPolicy?: string } | undefined)?.unhealthyPodEvictionPolicy;
  if (
    !ready(pod) &&
    (policy === 'AlwaysAllow' || ((status.currentHealthy ?? 0) >= (status.desiredHealthy ?? 0) && (status.desiredHealthy ?? 0) > 0))
  )
    return go();
  const refused = (text: string): ApiResult<AnyObject> =>
    tooManyRequests("Cannot evict pod as it would violate the pod's disruption budget.", {
      causes: [{ reason: 'DisruptionBudget', message: text }],
    });
  if ((status.observedGeneration ?? 0) < (budget.metadata.generation ?? 0))
    return tooManyRequests("Cannot evict pod as it would violate the pod's disruption budget.", {
      retryAfterSeconds: 10,
      causes: [
        { reason: 'DisruptionBudget', message: `The disruption budget ${budget.metadata.name} is still being processed by the server.` },
      ],
    });
  if ((status.disruptionsAllowed ?? 0) < 0)
    return failure(
      403,
      'Forbidden',
      `poddisruptionbudgets.policy "${budget.metadata.name}" is forbidden: pdb disruptions allowed is negative`,
    );
  if (Object.keys(status.disruptedPods ?? {}).length > 2000)
    return failure(
      403,
      'Forbidden',
      `poddisruptionbudgets.policy "${budget.metadata.name}" is forbidden: DisruptedPods map too big - too many evictions not confirmed by PDB controller`,
    );
  if ((status.disruptionsAllowed ?? 0) === 0)
    return refused(
      `The disruption budget ${budget.metadata.name} needs ${status.desiredHealthy ?? 0} healthy pods and has ${status.currentHealthy ?? 0} currently`,
    );
  if (!call.write.dryRun) {
    const def = server.scheme.named('poddisruptionbudgets.policy') as ResourceDef;
    const next = {
      ...status,
      disruptionsAllowed: (status.disruptionsAllowed ?? 0) - 1,
      disruptedPods: { ...status.disruptedPods, [pod.metadata.name]: server.now },
    };
    store(call, def, { ...budget, status: next } as AnyObject, budget);
  }
  return go();
}
