/** Dumps of rules in a form that can be compared: chains by name, and those chains as sets whose order is chance. */

/** Services stand here in the order of Go's map, which is random. */
const DISPATCH: ReadonlySet<string> = new Set(['KUBE-SERVICES', 'KUBE-NODEPORTS', 'KUBE-EXTERNAL-SERVICES', 'KUBE-PROXY-FIREWALL']);
const LAST = 'NOTE: this must be the last rule in this chain';

function ordered(chain: string, rules: readonly string[]): string[] {
  if (!DISPATCH.has(chain)) return [...rules];
  const last = rules.filter((r) => r.includes(LAST));
  return [...rules.filter((r) => !r.includes(LAST)).sort(), ...last.sort()];
}

/** Text of iptables-save as lines: table, chain with policy, its rules; counters left out. */
export function canonicalSave(save: string): string[] {
  const out: string[] = [];
  let table = '';
  let chains = new Map<string, { policy: string; rules: string[] }>();
  const flush = (): void => {
    for (const [name, { policy, rules }] of [...chains].sort(([a], [b]) => (a < b ? -1 : 1))) {
      out.push(`${table} ${name} ${policy}`);
      for (const r of ordered(name, rules)) out.push(`${table} ${r}`);
    }
    chains = new Map();
  };
  for (const line of save.split('\n')) {
    if (line === '' || line.startsWith('#')) continue;
    if (line.startsWith('*')) table = line.slice(1);
    else if (line === 'COMMIT') flush();
    else if (line.startsWith(':')) {
      const [name = '', policy = ''] = line.slice(1).split(' ');
      chains.set(name, { policy, rules: [] });
    } else {
      const rule = line.replace(/^\[\d+:\d+\] /, '');
      chains.get(rule.split(' ')[1] ?? '')?.rules.push(rule);
    }
  }
  return out.sort((a, b) => (a.split(' ')[0] === b.split(' ')[0] ? 0 : (a.split(' ')[0] as string) < (b.split(' ')[0] as string) ? -1 : 1));
}

/** Text of `nft list ruleset` as lines: each set's elements sorted, chains of Services by name (they are made in random order). */
export function canonicalNft(ruleset: string): string[] {
  const out: string[] = [];
  for (const table of ruleset.split(/^(?=table )/m)) {
    if (!table.startsWith('table ')) continue;
    const name = table.split(' {')[0] as string;
    const blocks = [...table.matchAll(/^\t(set|map|chain) (\S+) \{\n([\s\S]*?)^\t\}/gm)];
    const first = table.slice(0, table.indexOf('\n\t', table.indexOf('{\n') + 3));
    out.push(`${name} ${/^\tcomment .*$/m.exec(first)?.[0].trim() ?? ''}`);
    const fixed = blocks.filter((b) => !b[2]?.includes('/'));
    const own = blocks.filter((b) => b[2]?.includes('/')).sort((a, b) => ((a[2] as string) < (b[2] as string) ? -1 : 1));
    for (const [, kind, block, body = ''] of [...fixed, ...own]) {
      out.push(`${name} ${kind} ${block}`);
      for (const line of elementsSorted(body).split('\n')) if (line.trim() !== '') out.push(`${name} ${kind} ${block} ${line.trim()}`);
    }
  }
  return out;
}

/** Elements of a hash come in the hash's order. What a client left in an affinity set is none of the rules. */
function elementsSorted(body: string): string {
  return body.replace(/^\t\telements = \{ ([\s\S]*?) \}$/m, (_all, list: string) => {
    const elements = list.split(/,\s*/).map((e) => e.trim());
    if (elements.some((e) => /\bexpires\b/.test(e))) return '';
    return elements.sort().join('\n');
  });
}

/** Lines of `conntrack -L` as shapes: no times, no clients' ports, no traffic of the recording's own machinery. */
export function conntrackShapes(list: string): string[] {
  const shapes = new Set<string>();
  for (const line of list.split('\n')) {
    const m = /^(\S+)\s+\d+ \d+ (.*)$/.exec(line.trim());
    if (!m) continue;
    const words = (m[2] as string).split(/\s+/).filter((w) => !/^(use|mark)=/.test(w));
    if (words.some((w) => /^[sd]port=(10256|6443)$/.test(w))) continue;
    // The client chose the port from which it asks and to which it is answered.
    for (const [word, nth] of [
      ['sport=', 0],
      ['dport=', 1],
    ] as const) {
      const at = words.map((w, i) => (w.startsWith(word) ? i : -1)).filter((i) => i >= 0)[nth];
      if (at !== undefined) words[at] = `${word}*`;
    }
    shapes.add(`${m[1]} ${words.join(' ')}`);
  }
  return [...shapes].sort();
}

/** Rules that only Services' packets meet: what others count is traffic of the recording's own machinery too. */
const COUNTED = /^-A KUBE-(SVC|SVL|EXT|FW|SEP|MARK-MASQ|NODEPORTS|EXTERNAL-SERVICES|PROXY-FIREWALL)\b|^-A KUBE-SERVICES -d /;

/** Packets by rule of `iptables-save -c`, of those rules that tell something. */
export function packetCounts(save: string): Map<string, number> {
  const out = new Map<string, number>();
  let table = '';
  for (const line of save.split('\n')) {
    if (line.startsWith('*')) table = line.slice(1);
    const m = /^\[(\d+):\d+\] (.*)$/.exec(line);
    if (m && COUNTED.test(m[2] as string) && !m[2]?.includes(LAST)) out.set(`${table} ${m[2]}`, Number(m[1]));
  }
  return out;
}
