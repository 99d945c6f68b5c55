/** The chains of one Service port, read from what iptables prints on a node. */

import { runSteps } from '../emulator.ts';

export interface Pick {
  /** Name of the endpoint's chain. */
  readonly chain: string;
  /** As iptables prints it; null: the last rule, without a condition. */
  readonly probability: string | null;
  readonly to: string;
}

export interface ServiceRules {
  readonly doors: readonly string[];
  readonly address: string;
  readonly port: string;
  readonly chain: string;
  readonly picks: readonly Pick[];
}

/** @throws Error when the rules of the Service are not those that the drawing is made for. */
export async function serviceRules(world: string, host: string, service: string): Promise<ServiceRules> {
  const [result] = await runSteps({ world }, [{ host, command: 'iptables -t nat -S' }]);
  const rules = (result?.output ?? '').split(/\r?\n/);
  const one = (rule: RegExp): RegExpExecArray => {
    for (const line of rules) {
      const m = rule.exec(line);
      if (m) return m;
    }
    throw new Error(`no rule on ${host} looks like ${rule}`);
  };
  const portal = one(new RegExp(`^-A KUBE-SERVICES -d ([\\d.]+)/32 .*"${service} cluster IP".* --dport (\\d+) -j (KUBE-SVC-\\w+)$`));
  const [, address = '', port = '', chain = ''] = portal;
  const doors = rules.map((line) => /^-A (\w+) .*-j KUBE-SERVICES$/.exec(line)?.[1] ?? '').filter((name) => name !== '');
  const picks = rules
    .filter((line) => line.startsWith(`-A ${chain} `) && line.includes('-j KUBE-SEP-'))
    .map((line): Pick => {
      const sep = /-j (KUBE-SEP-\w+)$/.exec(line)?.[1] ?? '';
      const to = one(new RegExp(`^-A ${sep} .*--to-destination (\\S+)$`))[1] ?? '';
      return { chain: sep, probability: /--probability ([\d.]+)/.exec(line)?.[1] ?? null, to };
    });
  return { doors, address, port, chain, picks };
}
