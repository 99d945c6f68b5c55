/** The enforcers of NetworkPolicies. A network without one ignores policies. */

import { EbpfEnforcer } from './ebpf-enforcer.ts';
import type { EnforcerKind } from './enforcer.ts';
import { IptablesEnforcer } from './iptables-enforcer.ts';

export const ENFORCERS: readonly EnforcerKind[] = [
  { name: 'iptables', create: (p) => new IptablesEnforcer(p) },
  { name: 'ebpf', create: (p) => new EbpfEnforcer(p) },
];
