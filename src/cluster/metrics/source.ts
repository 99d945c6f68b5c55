/** What the autoscaler reads: the usage of pods while the metrics API is available. Models podautoscaler/metrics */

import { keyOf } from '../api/object.ts';
import type { ApiServer } from '../api/server.ts';
import type { MetricsSource } from '../controllers/context.ts';
import type { MetricsStorage } from './storage.ts';

interface Shared {
  storage: MetricsStorage | null;
}

export const sharedMetrics = (api: ApiServer): Shared => api.state<Shared>('metrics.k8s.io', () => ({ storage: null }));

export function metricsSource(api: ApiServer): MetricsSource {
  return {
    available: () => api.aggregation.serving('metrics.k8s.io', 'v1beta1'),
    pod(pod) {
      const m = sharedMetrics(api).storage?.pod(keyOf(pod));
      return (
        m && {
          containers: m.usage.map(([name, u]) => ({ name, cpuMillis: u.cpuNanos / 1e6, memoryBytes: u.memoryBytes })),
        }
      );
    },
  };
}
