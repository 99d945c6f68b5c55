/** ip, bridge and tc: objects and verbs by prefix in table order, and the keywords behind them. As bash-completion for iproute2, and on */

import { objects } from '../ip/ip.ts';
import { type Asked, completers, type Offer } from '../sh/complete.ts';
import type { Shell } from '../sh/state.ts';
import { devices, namespaces, pids } from './lists.ts';
import { netnsExec } from './wrappers.ts';

/** An object's verbs, each with the words that may follow it. */
interface Grammar {
  readonly verbs: Readonly<Record<string, string>>;
  /** Verbs behind which a device may stand without `dev`. */
  readonly bare?: RegExp;
}

const KINDS =
  'bareudp bond bridge dummy erspan geneve gre gretap ifb ip6gre ip6gretap ip6tnl ipip ipoib ipvlan ipvtap macsec macvlan macvtap sit veth vlan vrf vxlan wireguard';
const LINK_SET =
  'up down arp dynamic multicast allmulticast promisc txqueuelen name address broadcast mtu netns master nomaster alias group type addrgenmode vrf';
const ADDRESS = 'dev scope to label dynamic permanent tentative deprecated dadfailed temporary primary secondary up master type vrf';
const ROUTE =
  'via dev src metric table proto scope type mtu advmss onlink nexthop nhid encap default unicast blackhole unreachable prohibit throw local broadcast';
const RULE =
  'from to iif oif fwmark tos priority pref table lookup not uidrange ipproto sport dport suppress_prefixlength suppress_ifgroup goto blackhole unreachable prohibit';
const NEIGH = 'dev lladdr nud proxy router use managed extern_learn to';

const IP: Readonly<Record<string, Grammar>> = {
  address: {
    verbs: {
      add: 'dev local peer broadcast label scope home nodad noprefixroute mngtmpaddr valid_lft preferred_lft metric',
      change: 'dev local peer broadcast label scope',
      replace: 'dev local peer broadcast label scope',
      delete: 'dev local peer label scope',
      show: ADDRESS,
      flush: ADDRESS,
      save: '',
      restore: '',
      showdump: '',
    },
    bare: /^(show|flush)$/,
  },
  addrlabel: { verbs: { list: '', add: 'prefix dev label', delete: 'prefix dev label', flush: '' } },
  link: {
    verbs: {
      add: `link name txqueuelen address broadcast mtu index numtxqueues type netns up peer id remote local dstport dev ttl nolearning ${KINDS}`,
      delete: 'dev group type',
      set: LINK_SET,
      show: 'dev group up master type vrf',
      change: LINK_SET,
      replace: LINK_SET,
      property: 'add delete',
      xstats: 'type',
      afstats: 'dev',
    },
    bare: /^(show|set|delete|change|replace)$/,
  },
  maddress: { verbs: { add: 'dev', delete: 'dev', show: 'dev' } },
  monitor: {
    verbs: {
      all: '',
      address: '',
      link: '',
      mroute: '',
      maddress: '',
      neigh: '',
      netconf: '',
      nexthop: '',
      nsid: '',
      prefix: '',
      route: '',
      rule: '',
    },
  },
  neighbour: {
    verbs: {
      add: NEIGH,
      change: NEIGH,
      replace: NEIGH,
      delete: NEIGH,
      show: 'dev nud proxy unused vrf nomaster',
      flush: 'dev nud proxy unused',
      get: 'dev',
    },
  },
  netconf: { verbs: { show: 'dev' } },
  netns: {
    verbs: {
      add: '',
      attach: '',
      delete: '',
      exec: '',
      identify: '',
      list: '',
      'list-id': 'target-nsid nsid',
      monitor: '',
      pids: '',
      set: 'auto',
    },
  },
  nexthop: {
    verbs: {
      add: 'id via dev group blackhole encap onlink proto scope fdb',
      delete: 'id',
      flush: 'dev proto',
      get: 'id',
      list: 'id dev groups master proto vrf fdb',
      replace: 'id via dev group blackhole',
      show: 'id dev groups master proto vrf fdb',
    },
  },
  ntable: { verbs: { show: 'dev name', change: 'dev name' } },
  route: {
    verbs: {
      add: ROUTE,
      append: ROUTE,
      change: ROUTE,
      delete: ROUTE,
      flush: 'cache table dev proto scope type via root match exact to',
      get: 'from iif oif mark tos vrf to ipproto sport dport uid fibmatch',
      prepend: ROUTE,
      replace: ROUTE,
      restore: '',
      save: '',
      show: 'table dev proto scope type via src root match exact to cache vrf',
      list: 'table dev proto scope type via src root match exact to cache vrf',
    },
  },
  rule: {
    verbs: {
      add: RULE,
      delete: RULE,
      flush: '',
      list: 'from to iif oif table fwmark',
      restore: '',
      save: '',
      show: 'from to iif oif table fwmark',
    },
  },
  stats: { verbs: { show: 'dev group', set: 'dev' } },
  token: { verbs: { list: 'dev', set: 'dev', delete: 'dev', get: 'dev' } },
  tunnel: {
    verbs: {
      add: 'mode remote local ttl tos dev key',
      change: 'mode remote local ttl tos dev key',
      delete: '',
      prl: 'dev',
      show: '',
      '6rd': 'dev',
    },
  },
  tuntap: { verbs: { add: 'dev mode user group', delete: 'dev mode', show: '', list: '' } },
  vrf: { verbs: { show: '', exec: '', identify: '', pids: '' } },
};

const BRIDGE: Readonly<Record<string, Grammar>> = {
  fdb: {
    verbs: {
      add: 'dev self master local static dynamic vlan dst vni via port',
      append: 'dev self master dst vni',
      delete: 'dev self master vlan dst',
      flush: 'dev brport vlan',
      get: 'dev br vlan',
      replace: 'dev self master dst',
      show: 'dev br brport vlan state dynamic',
    },
  },
  link: {
    verbs: {
      set: 'dev cost guard hairpin fastleave root_block learning flood mcast_flood state priority isolated neigh_suppress vlan_tunnel hwmode self master',
      show: 'dev master',
    },
  },
  mdb: { verbs: { add: 'dev port grp permanent temp vid', delete: 'dev port grp vid', show: 'dev', replace: 'dev port grp' } },
  monitor: { verbs: { all: '', fdb: '', link: '', mdb: '', vlan: '', vni: '' } },
  vlan: {
    verbs: {
      add: 'dev vid pvid untagged self master tunnel_info',
      delete: 'dev vid self master',
      global: '',
      set: 'dev vid state',
      show: 'dev vid',
      tunnelshow: 'dev vid',
    },
  },
  vni: { verbs: { add: 'dev vni group remote', delete: 'dev vni', show: 'dev' } },
};

const QDISCS = 'bfifo fq_codel htb netem noqueue pfifo pfifo_fast prio tbf ingress clsact';
const TC: Readonly<Record<string, Grammar>> = {
  qdisc: {
    verbs: {
      show: 'dev root ingress invisible',
      add: `dev root parent handle ${QDISCS} delay loss rate limit duplicate corrupt reorder burst latency default`,
      change: `dev root parent handle ${QDISCS} delay loss rate limit`,
      replace: `dev root parent handle ${QDISCS} delay loss rate limit burst latency`,
      delete: 'dev root parent handle ingress clsact',
      link: 'dev',
    },
  },
  class: {
    verbs: {
      show: 'dev root parent classid',
      add: 'dev parent classid htb rate ceil burst prio quantum',
      change: 'dev parent classid htb rate ceil',
      replace: 'dev parent classid htb rate ceil',
      delete: 'dev classid',
    },
  },
  filter: {
    verbs: {
      show: 'dev root parent ingress egress',
      add: 'dev parent protocol prio handle u32 fw flower matchall bpf match flowid action',
      delete: 'dev parent prio protocol',
      change: 'dev parent protocol prio',
      replace: 'dev parent protocol prio',
      get: 'dev',
    },
  },
  action: { verbs: { show: '', add: '', delete: '', list: '', flush: '' } },
  chain: { verbs: { show: 'dev', add: 'dev', delete: 'dev', get: 'dev' } },
  monitor: { verbs: {} },
  exec: { verbs: {} },
};

const SCOPES = ['global', 'site', 'link', 'host', 'nowhere'];
const PROTOS = ['kernel', 'boot', 'static', 'redirect', 'ra', 'bird', 'zebra', 'babel', 'dhcp'];
const TABLES = ['main', 'local', 'default', 'all'];

/** What a keyword takes; null: something that nobody can guess. */
function value(sh: Shell, keyword: string, object: string, netns: string | undefined): readonly string[] | null | undefined {
  switch (keyword) {
    case 'dev':
    case 'master':
    case 'link':
    case 'iif':
    case 'oif':
    case 'br':
    case 'brport':
    case 'vrf':
      return keyword === 'link' && object !== 'link' ? undefined : devices(sh, netns);
    case 'netns':
      return [...namespaces(sh), ...pids(sh)];
    case 'type':
      return object === 'route'
        ? ['unicast', 'local', 'broadcast', 'multicast', 'blackhole', 'unreachable', 'prohibit', 'throw']
        : KINDS.split(' ');
    case 'scope':
      return SCOPES;
    case 'proto':
      return PROTOS;
    case 'table':
    case 'lookup':
      return TABLES;
    case 'nud':
      return ['permanent', 'noarp', 'reachable', 'stale', 'none', 'incomplete', 'delay', 'probe', 'failed'];
    case 'mode':
      return object === 'tuntap' ? ['tun', 'tap'] : ['ipip', 'gre', 'sit', 'vti'];
    case 'state':
      return ['disabled', 'listening', 'learning', 'forwarding', 'blocking'];
    case 'arp':
    case 'promisc':
    case 'dynamic':
    case 'multicast':
    case 'allmulticast':
    case 'learning':
    case 'flood':
    case 'hairpin':
    case 'guard':
    case 'isolated':
      return object === 'link' ? ['on', 'off'] : undefined;
    case 'via':
    case 'src':
    case 'metric':
    case 'mtu':
    case 'address':
    case 'lladdr':
    case 'txqueuelen':
    case 'alias':
    case 'local':
    case 'remote':
    case 'peer':
    case 'id':
    case 'vid':
    case 'label':
    case 'from':
    case 'to':
    case 'fwmark':
    case 'dst':
    case 'name':
      return object === 'link' && keyword === 'peer' ? undefined : null;
  }
  return undefined;
}

const GLOBALS: Readonly<Record<string, string>> = {
  ip: '-Version -statistics -details -resolve -family -oneline -timestamp -batch -rcvbuf -human-readable -iec -json -pretty -brief -color -netns -all -4 -6 -0 -N',
  bridge: '-Version -statistics -details -netns -batch -color -oneline -timestamp -json -pretty -force -compressvlans',
  tc: '-Version -statistics -details -raw -pretty -iec -graph -json -netns -batch -name -color -oneline -force -numeric',
};

/** The words that count: without options and what they take. */
function plain(words: readonly string[]): { rest: string[]; netns: string | undefined; optionValue: string | null } {
  const rest: string[] = [];
  let netns: string | undefined;
  for (let i = 1; i < words.length - 1; i++) {
    const w = words[i] as string;
    if (rest.length > 0 || !w.startsWith('-')) rest.push(w);
    else if (/^-(n|netns|f|family|b|batch|rc|rcvbuf)$/.test(w)) {
      if (i + 1 === words.length - 1) return { rest, netns, optionValue: w };
      if (/^-n/.test(w)) netns = words[i + 1];
      i++;
    }
  }
  return { rest, netns, optionValue: null };
}

function iproute(
  at: Asked,
  tool: string,
  order: readonly string[],
  grammars: Readonly<Record<string, Grammar>>,
): Offer | readonly string[] | null {
  const { sh, words, current } = at;
  const exec = tool === 'ip' ? netnsExec(words) : null;
  if (exec !== null) return { command: exec };
  const { rest, netns, optionValue } = plain(words);
  if (optionValue !== null) {
    if (/^-n/.test(optionValue)) return namespaces(sh);
    if (/^-f/.test(optionValue)) return ['inet', 'inet6', 'bridge', 'mpls', 'link'];
    return /^-b/.test(optionValue) ? { files: 'all' } : [];
  }
  const [object, verb, ...more] = rest;
  if (object === undefined) return current.startsWith('-') ? (GLOBALS[tool] as string).split(' ') : [...order, 'help'];
  const name = order.find((n) => n.startsWith(object)) ?? (object === 'neighbor' ? 'neighbour' : undefined);
  const grammar = name === undefined ? undefined : grammars[name];
  if (name === undefined || !grammar) return [];
  const verbs = Object.keys(grammar.verbs);
  if (verb === undefined) return [...verbs, 'help'];
  const does = verbs.find((v) => v.startsWith(verb)) ?? (verb.startsWith('l') ? 'show' : verb);
  if (name === 'netns') {
    if (more.length > 0) return [];
    if (does === 'identify') return pids(sh);
    return /^(exec|delete|pids|set)$/.test(does) ? namespaces(sh) : [];
  }
  if (name === 'vrf') return does === 'exec' && more.length > 0 ? { command: words.length - 1 } : devices(sh);
  const before = more[more.length - 1];
  const taken = before === undefined ? undefined : value(sh, before, name, netns);
  if (taken === null) return [];
  if (taken !== undefined) return taken;
  const keywords = (grammar.verbs[does] ?? '').split(' ').filter((w) => w !== '' && (!more.includes(w) || w === 'nexthop'));
  return more.length === 0 && grammar.bare?.test(does) ? [...devices(sh, netns), ...keywords] : keywords;
}

completers.set('ip', (at) =>
  iproute(
    at,
    'ip',
    objects.map((o) => o.name),
    IP,
  ),
);
completers.set('bridge', (at) => iproute(at, 'bridge', Object.keys(BRIDGE), BRIDGE));
completers.set('tc', (at) => iproute(at, 'tc', Object.keys(TC), TC));
