import { expect, test } from 'vitest';
import { fixedRules } from '../proxy/fixed.ts';
import { CLUSTER_CIDR, SERVICES } from './w1.ts';
import { KUBE_PROXY_RULES } from './w1rules.ts';

test('the rules kept for W1 are those that kube-proxy writes', () => {
  expect(KUBE_PROXY_RULES).toBe(fixedRules(CLUSTER_CIDR, SERVICES));
});
