/** MAC spoofing check: a container may send with its own address only. Models plugins pkg/link/spoofcheck.go */

import type { Process, Task } from '../../../os/process.ts';
import { execute } from '../exec.ts';
import { bad, good, type Outcome } from '../types.ts';

function* apply(p: Process, lines: readonly string[]): Task<Outcome<string>> {
  const ran = yield* execute(p, ['nft', '-f', '-'], { stdin: `${lines.join('\n')}\n` });
  if (!ran.ok) return bad('exec: "nft": executable file not found in $PATH');
  const { status, stdout, stderr } = ran.value;
  return status === 0
    ? good(stdout)
    : bad(`failed to execute nft -j -f -: exit status ${status} stdin:'' stdout:'${stdout}' stderr:'${stderr}'`);
}

const TABLE = 'bridge nat';

export function* setupSpoofCheck(p: Process, iface: string, mac: string, ref: string): Task<Outcome<null>> {
  const ifaceChain = `cni-br-iface-${ref}`;
  const macChain = `${ifaceChain}-mac`;
  const base = yield* apply(p, [
    `add table ${TABLE}`,
    `add chain ${TABLE} PREROUTING { type filter hook prerouting priority -300; policy accept; }`,
    `add chain ${TABLE} ${ifaceChain}`,
    `add chain ${TABLE} ${macChain}`,
  ]);
  if (!base.ok) return bad(`failed to setup spoof-check: ${base.error.msg}`);
  const comment = `comment "macspoofchk-${ref}"`;
  const rules = yield* apply(p, [
    `flush chain ${TABLE} ${ifaceChain}`,
    `flush chain ${TABLE} ${macChain}`,
    `add rule ${TABLE} PREROUTING iifname "${iface}" jump ${ifaceChain} ${comment}`,
    `add rule ${TABLE} ${ifaceChain} jump ${macChain} ${comment}`,
    `add rule ${TABLE} ${macChain} ether saddr ${mac} return ${comment}`,
    `add rule ${TABLE} ${macChain} drop ${comment}`,
  ]);
  return rules.ok ? good(null) : bad(`failed to setup spoof-check: ${rules.error.msg}`);
}

/** Finds the jump by its comment; the chains go, table and base chain stay. */
export function* teardownSpoofCheck(p: Process, _iface: string, ref: string): Task<Outcome<null>> {
  const ifaceChain = `cni-br-iface-${ref}`;
  let jumpError = '<nil>';
  const listed = yield* execute(p, ['nft', '-a', 'list', 'chain', 'bridge', 'nat', 'PREROUTING']);
  const lines = listed.ok && listed.value.status === 0 ? listed.value.stdout.split('\n') : [];
  const handles = lines
    .filter((l) => l.includes(`comment "macspoofchk-${ref}"`))
    .map((l) => /# handle (\d+)/.exec(l)?.[1])
    .filter((h) => h !== undefined);
  if (handles.length > 0) {
    const r = yield* apply(
      p,
      handles.map((h) => `delete rule ${TABLE} PREROUTING handle ${h}`),
    );
    if (!r.ok) jumpError = `failed to delete iface match rule: ${r.error.msg}`;
  }
  const chains = yield* apply(p, [`delete chain ${TABLE} ${ifaceChain}`, `delete chain ${TABLE} ${ifaceChain}-mac`]);
  const chainError = chains.ok ? '<nil>' : `failed to delete regular chains: ${chains.error.msg}`;
  if (jumpError === '<nil>' && chains.ok) return good(null);
  return bad(`failed to teardown spoof-check: ${jumpError}, ${chainError}`);
}
