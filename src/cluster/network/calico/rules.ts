/** Felix' rules for pods that leave the cluster. Models felix rules/nat.go, iptables/renderer.go */

import { sha224 } from '../../../os/sha1.ts';
import { utf8 } from '../../../wire/bytes.ts';
import { base64 } from '../../cni/cache.ts';

/** Each rule carries the hash of its place: the chain's name, the rules before it and its own text. */
export function ruleHashes(chain: string, rules: readonly string[]): string[] {
  let hash: Uint8Array = sha224(utf8(chain));
  return rules.map((rule) => {
    const text = utf8(`-A ${chain} HASH ${rule}`);
    const both = new Uint8Array(hash.length + text.length);
    both.set(hash);
    both.set(text, hash.length);
    hash = sha224(both);
    return base64(hash).replaceAll('+', '-').replaceAll('/', '_').slice(0, 16);
  });
}

const CHAINS: readonly (readonly [chain: string, rules: readonly string[]])[] = [
  ['cali-PREROUTING', ['--jump cali-fip-dnat']],
  ['cali-OUTPUT', ['--jump cali-fip-dnat']],
  ['cali-POSTROUTING', ['--jump cali-fip-snat', '--jump cali-nat-outgoing']],
  [
    'cali-nat-outgoing',
    ['-m set --match-set cali40masq-ipam-pools src -m set ! --match-set cali40all-ipam-pools dst --jump MASQUERADE --random-fully'],
  ],
  ['cali-fip-dnat', []],
  ['cali-fip-snat', []],
];

/** With IPIP what the host itself sends into the tunnel gets the tunnel's address. */
function tunnelRule(tunnel: string): string {
  return `--out-interface ${tunnel} -m addrtype ! --src-type LOCAL --limit-iface-out -m addrtype --src-type LOCAL --jump MASQUERADE --random-fully`;
}

/** Input for iptables-restore --noflush; jumps are inserted at the top unless they are there. */
export function calicoRules(tunnel: string | null, jumpsThere: boolean): string {
  const lines = ['*nat'];
  const body: string[] = [];
  for (const [chain, rules] of CHAINS) {
    const all = chain === 'cali-POSTROUTING' && tunnel ? [...rules, tunnelRule(tunnel)] : rules;
    lines.push(`:${chain} - [0:0]`);
    for (const [i, hash] of ruleHashes(chain, all).entries()) body.push(`-A ${chain} -m comment --comment "cali:${hash}" ${all[i]}`);
  }
  if (!jumpsThere)
    for (const chain of ['PREROUTING', 'OUTPUT', 'POSTROUTING'])
      body.push(`-I ${chain} -m comment --comment "cali:${ruleHashes(chain, [`--jump cali-${chain}`])[0]}" --jump cali-${chain}`);
  return [...lines, ...body, 'COMMIT', ''].join('\n');
}
