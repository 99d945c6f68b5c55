/** iptables and its kin, ipset, nft, conntrack, ipvsadm. As bash-completion for iptables, and on */

import type { Task } from '../../os/program.ts';
import { type Asked, completers, type Offer } from '../sh/complete.ts';
import { outputOf } from '../sh/complete-program.ts';
import type { Shell } from '../sh/state.ts';
import { devices, listed } from './lists.ts';
import { optionsIn } from './options.ts';

const CHAIN = /^(-[ACDEFGILNPRSXZ]|--(append|check|delete|delete-chain|flush|insert|list|list-rules|policy|rename-chain|replace|zero))$/;
const TARGETS =
  'ACCEPT DROP RETURN REJECT LOG MARK CONNMARK CHECKSUM CLASSIFY CT DNAT SNAT MASQUERADE REDIRECT NETMAP NFLOG NOTRACK TCPMSS TPROXY TRACE TTL DSCP'.split(
    ' ',
  );
const MATCHES =
  'addrtype comment connbytes connlimit connmark conntrack dscp ecn esp hashlimit helper icmp iprange length limit mac mark multiport owner physdev pkttype quota recent rpfilter set socket state statistic string tcp tcpmss time tos ttl u32 udp'.split(
    ' ',
  );
const TABLES = ['filter', 'nat', 'mangle', 'raw', 'security'];
const POLICIES = ['ACCEPT', 'DROP'];
const OPTIONS =
  '--append --check --delete --delete-chain --flush --insert --list --list-rules --new-chain --policy --rename-chain --replace --zero --table --protocol --source --destination --in-interface --out-interface --jump --goto --match --numeric --verbose --exact --fragment --line-numbers --set-counters --wait --ipv4 --ipv6 --modprobe -A -C -D -X -F -I -L -S -N -P -E -R -Z -t -p -s -d -i -o -j -g -m -n -v -x -f -c -w'.split(
    ' ',
  );

const tableOf = (words: readonly string[]): string => {
  const at = words.findIndex((w) => w === '-t' || w === '--table');
  return at > 0 ? (words[at + 1] ?? 'filter') : (words.find((w) => w.startsWith('--table='))?.slice(8) ?? 'filter');
};

/** Options that the matches and the target of this line bring with them. */
function* extensionOptions(sh: Shell, words: readonly string[]): Task<string[]> {
  const out: string[] = [];
  const tool = words[0] as string;
  for (let i = 1; i < words.length - 1; i++) {
    const [w, next] = [words[i] as string, words[i + 1] as string];
    if (i + 1 >= words.length - 1) break;
    const flag = /^(-m|--match)$/.test(w) ? '-m' : /^(-j|--jump)$/.test(w) ? '-j' : /^(-p|--protocol)$/.test(w) ? '-m' : null;
    if (!flag || !/^[\w-]+$/.test(next) || next === 'all') continue;
    const text = (yield* outputOf(sh, [tool, flag, next, '-h'], true)) ?? '';
    const at = text.search(/^\S.*(match|target) [oO]ptions/m);
    if (at >= 0)
      out.push(
        ...optionsIn(text.slice(at).replace(/\[!\]/g, '   ')).map((o) => o.replace(/=$/, '')),
        ...[...text.slice(at).matchAll(/\s(--[a-z][\w-]+)/g)].map((m) => m[1] as string),
      );
  }
  return [...new Set(out)];
}

function* iptables({ sh, words, previous, current }: Asked): Task<Offer | readonly string[] | null> {
  const tool = words[0] as string;
  const table = tableOf(words);
  const chains = (): Task<string[]> => listed(sh, [tool, '-t', table, '-S'], /^-[PN] (\S+)/);
  if (/^(-t|--table)$/.test(previous)) return TABLES;
  if (CHAIN.test(previous) && !current.startsWith('-')) return yield* chains();
  if (/^(-P|--policy)$/.test(words[words.length - 3] ?? '')) return POLICIES;
  if (/^(-j|--jump)$/.test(previous)) return [...TARGETS, ...(yield* listed(sh, [tool, '-t', table, '-S'], /^-N (\S+)/))];
  if (/^(-g|--goto)$/.test(previous)) return yield* listed(sh, [tool, '-t', table, '-S'], /^-N (\S+)/);
  if (/^(-m|--match)$/.test(previous)) return MATCHES;
  if (/^(-p|--protocol|--proto)$/.test(previous)) return ['tcp', 'udp', 'udplite', 'icmp', 'icmpv6', 'esp', 'ah', 'sctp', 'mh', 'all'];
  if (/^(-i|-o|--in-interface|--out-interface)$/.test(previous)) return devices(sh);
  if (previous === '--match-set') return yield* listed(sh, ['ipset', 'list', '-n'], /^\S+$/);
  if (words[words.length - 3] === '--match-set') return ['src', 'dst', 'src,src', 'src,dst', 'dst,src', 'dst,dst'];
  if (/^--(ctstate|state)$/.test(previous))
    return ['NEW', 'ESTABLISHED', 'RELATED', 'INVALID', 'UNTRACKED', 'SNAT', 'DNAT', 'RELATED,ESTABLISHED'];
  if (previous === '--reject-with')
    return [
      'icmp-net-unreachable',
      'icmp-host-unreachable',
      'icmp-port-unreachable',
      'icmp-proto-unreachable',
      'icmp-net-prohibited',
      'icmp-host-prohibited',
      'icmp-admin-prohibited',
      'tcp-reset',
    ];
  if (/^--(src|dst)-type$/.test(previous))
    return ['LOCAL', 'UNICAST', 'BROADCAST', 'MULTICAST', 'ANYCAST', 'BLACKHOLE', 'UNREACHABLE', 'PROHIBIT'];
  if (current.startsWith('-')) return [...OPTIONS, ...(yield* extensionOptions(sh, words))];
  return [];
}

for (const tool of ['iptables', 'ip6tables', 'iptables-nft', 'ip6tables-nft', 'iptables-legacy', 'ip6tables-legacy'])
  completers.set(tool, iptables);
for (const tool of ['iptables-save', 'ip6tables-save'])
  completers.set(tool, ({ previous }) => (/^(-t|--table)$/.test(previous) ? TABLES : null));

const SET_TYPES =
  'bitmap:ip bitmap:ip,mac bitmap:port hash:ip hash:ip,mark hash:ip,port hash:ip,port,ip hash:ip,port,net hash:mac hash:net hash:net,iface hash:net,net hash:net,port list:set'.split(
    ' ',
  );
completers.set('ipset', function* ({ sh, words, previous, current }) {
  const [, verb] = words;
  if (words.length === 2)
    return current.startsWith('-') ? null : 'create add del test destroy list save restore flush rename swap help version'.split(' ');
  if (words.length === 3 && verb !== 'create' && verb !== 'restore') return yield* listed(sh, ['ipset', 'list', '-n'], /^\S+$/);
  if (verb === 'create' && words.length === 4) return SET_TYPES;
  if (verb === 'create' && words.length > 4 && !/^(family|hashsize|maxelem|timeout|range|size)$/.test(previous))
    return 'family hashsize maxelem timeout range counters comment skbinfo size'.split(' ');
  if (previous === 'family') return ['inet', 'inet6'];
  return /^(rename|swap)$/.test(verb ?? '') ? yield* listed(sh, ['ipset', 'list', '-n'], /^\S+$/) : [];
});

const FAMILIES = ['ip', 'ip6', 'inet', 'arp', 'bridge', 'netdev'];
const NFT: Readonly<Record<string, string>> = {
  add: 'table chain rule set map element flowtable counter quota limit',
  create: 'table chain set map element flowtable',
  insert: 'rule',
  replace: 'rule',
  delete: 'table chain rule set map element flowtable counter quota limit',
  destroy: 'table chain rule set map element',
  flush: 'ruleset table chain set map',
  list: 'ruleset tables table chains chain sets set maps map flowtables flowtable counters quotas limits',
  reset: 'counters quotas rules',
  rename: 'chain',
  monitor: 'new destroy tables chains sets rules elements ruleset trace',
  describe: '',
};
completers.set('nft', function* ({ sh, words, current, previous }) {
  if (/^(-f|--file)$/.test(previous)) return { files: 'all' };
  if (current.startsWith('-')) return null;
  const rest = words.slice(1, -1).filter((w) => !w.startsWith('-'));
  const [verb, object, ...more] = rest;
  if (verb === undefined) return Object.keys(NFT);
  if (object === undefined) return (NFT[verb] ?? '').split(' ');
  const family = FAMILIES.includes(more[0] ?? '') ? (more[0] as string) : null;
  const names = family ? more.slice(1) : more;
  const own = family ?? 'ip';
  if (names.length === 0) {
    const tables = yield* listed(sh, ['nft', 'list', 'tables'], new RegExp(`^table ${own} (\\S+)`));
    return [...(family ? [] : FAMILIES), ...tables];
  }
  if (names.length === 1 && /^(chain|rule|set|map|element)$/.test(object)) {
    const kind = object === 'rule' ? 'chain' : object === 'element' ? 'set' : object;
    return yield* listed(sh, ['nft', 'list', 'table', own, names[0] as string], new RegExp(`^\\t${kind} (\\S+) \\{`));
  }
  return object === 'rule' && names.length > 1
    ? 'accept drop reject jump goto return counter log meta ip ip6 tcp udp icmp ct iifname oifname saddr daddr sport dport masquerade snat dnat to comment state mark'.split(
        ' ',
      )
    : [];
});

completers.set('conntrack', ({ previous, current }) => {
  if (/^(-p|--proto)$/.test(previous)) return ['tcp', 'udp', 'icmp', 'icmpv6', 'sctp', 'dccp', 'gre', 'udplite'];
  if (/^(-f|--family)$/.test(previous)) return ['ipv4', 'ipv6'];
  if (/^(-o|--output)$/.test(previous)) return ['xml', 'extended', 'timestamp', 'id', 'ktimestamp', 'labels', 'save', 'userspace'];
  if (/^(-e|--event-mask)$/.test(previous)) return ['ALL', 'NEW', 'UPDATES', 'DESTROY'];
  if (previous === '--state')
    return ['NONE', 'SYN_SENT', 'SYN_RECV', 'ESTABLISHED', 'FIN_WAIT', 'CLOSE_WAIT', 'LAST_ACK', 'TIME_WAIT', 'CLOSE', 'LISTEN'];
  if (/^(-u|--status)$/.test(previous)) return ['ASSURED', 'SEEN_REPLY', 'FIXED_TIMEOUT', 'OFFLOAD', 'UNSET'];
  if (/^-[LGDIUEFASC]$|^--(dump|delete|event|flush|stats|count)$/.test(previous) && !current.startsWith('-'))
    return ['conntrack', 'expect', 'dying', 'unconfirmed'];
  return current.startsWith('-') || current === ''
    ? '-L -G -D -I -U -E -F -C -S --dump --get --delete --create --update --event --flush --count --stats --orig-src --orig-dst --reply-src --reply-dst --proto --family --timeout --status --zone --output --any-nat --src-nat --dst-nat --orig-port-src --orig-port-dst --reply-port-src --reply-port-dst --state --mark -s -d -r -q -p -f -t -u -w -o -n -g -j -m --sport --dport'.split(
        ' ',
      )
    : [];
});

completers.set('ipvsadm', function* ({ sh, previous, current }) {
  if (/^-[tu]$|^--(tcp|udp)-service$/.test(previous)) return yield* listed(sh, ['ipvsadm', '-ln'], /^(?:TCP|UDP)\s+(\S+)/);
  if (/^(-s|--scheduler)$/.test(previous)) return ['rr', 'wrr', 'lc', 'wlc', 'lblc', 'lblcr', 'dh', 'sh', 'sed', 'nq', 'fo', 'ovf', 'mh'];
  return current.startsWith('-') ? null : [];
});
