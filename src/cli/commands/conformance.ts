/** `hopwise conformance SUITE [PATH]`: a table by area, differences on demand, `matched/total` on the last line. */

import { existsSync } from 'node:fs';
import { cniSuite } from '../conformance/cni-suite.ts';
import { dnsSuite } from '../conformance/dns-suite.ts';
import { gatewaySuite } from '../conformance/gateway-suite.ts';
import { kubeProxySuite } from '../conformance/kube-proxy-suite.ts';
import { kubectlSuite } from '../conformance/kubectl-suite.ts';
import { linuxSuite } from '../conformance/linux-suite.ts';
import { networkPolicySuite } from '../conformance/networkpolicy-suite.ts';
import { referenceSuite } from '../conformance/reference-suite.ts';
import { rulesSuite } from '../conformance/rules-suite.ts';
import type { SuiteOptions, SuiteResult } from '../conformance/suite.ts';
import { parseArgs } from './args.ts';

const USAGE = `usage: hopwise conformance linux [PATH] [--diff NAME] [--json] [--scenarios] [--raise] [--limit SECONDS]
       hopwise conformance iptables-rules FILE [--diff TEXT] [--json] [--raise]
       hopwise conformance nft-rules FILE [--diff TEXT] [--json] [--raise]
       hopwise conformance kubectl PATH [--diff TEXT] [--json] [--raise]
       hopwise conformance cni [PATH] [--diff CASE] [--json] [--raise]
       hopwise conformance dns|gateway FILE [--diff TEXT] [--json] [--raise]
       hopwise conformance kube-proxy PATH [--diff NAME] [--json] [--raise]
       hopwise conformance networkpolicy FILE [--diff TEXT] [--json] [--raise]
       hopwise conformance reference-cluster [--diff SCENARIO] [--json] [--raise]`;

export const SUITES: Readonly<Record<string, (opts: SuiteOptions) => Promise<SuiteResult>>> = {
  linux: linuxSuite,
  'iptables-rules': (opts) => rulesSuite('iptables-rules', opts),
  'kube-proxy': kubeProxySuite,
  'kube-proxy-trace': kubeProxySuite,
  networkpolicy: networkPolicySuite,
  'reference-cluster': referenceSuite,
  cni: cniSuite,
  kubectl: kubectlSuite,
  dns: dnsSuite,
  gateway: gatewaySuite,
  'nft-rules': (opts) => rulesSuite('nft-rules', opts),
};

export async function conformanceCommand([name = '', ...argv]: string[]): Promise<number> {
  const suite = SUITES[name];
  if (!suite) throw new Error(`${name ? `no suite ${name}; ` : ''}${USAGE}`);
  const args = parseArgs(argv, { values: ['diff', 'limit'], switches: ['json', 'raise', 'scenarios'] });
  const limit = Number(args.values.get('limit') ?? 120);
  if (!(limit > 0)) throw new Error(`--limit takes seconds, not "${args.values.get('limit')}"`);
  const path = args.operands[0] ?? null;
  if (path !== null && !existsSync(path)) throw new Error(`${path}: no such file or folder`);
  const result = await suite({
    path,
    limit,
    diff: args.values.get('diff') ?? null,
    scenarios: args.switches.has('scenarios'),
    raise: args.switches.has('raise'),
  });
  process.stdout.write(args.switches.has('json') ? `${JSON.stringify(result.json)}\n` : result.table);
  process.stdout.write(`${result.matched}/${result.total}\n`);
  return 0;
}
