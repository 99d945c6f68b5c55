/** calicoctl: what Calico's daemon and its address management say. Models projectcalico/calico calicoctl */

import type { Process } from '../../../os/process.ts';
import type { Command, Task } from '../../../os/program.ts';
import { formatIp4 } from '../../../wire/addr.ts';
import type { Client } from '../../api/client.ts';
import type { Node } from '../../api/object.ts';
import { type ApiFor, reachable } from '../network.ts';
import { blocks, net4, POOLS, pools } from './ipam.ts';
import { AS, sessionsOn } from './node.ts';

const PATIENCE = 5_000_000;

const USAGE = `Usage:
  calicoctl [options] <command> [<args>...]

    create       Create a resource by file, directory or stdin.
    replace      Replace a resource by file, directory or stdin.
    apply        Apply a resource by file, directory or stdin.  This creates a resource
                 if it does not exist, and replaces a resource if it does exists.
    patch        Patch a pre-exisiting resource in place.
    delete       Delete a resource identified by file, directory, stdin or resource type and
                 name.
    get          Get a resource identified by file, directory, stdin or resource type and
                 name.
    label        Add or update labels of resources.
    convert      Convert config files between different API versions.
    ipam         IP address management.
    node         Calico node management.
    version      Display the version of this binary.
    datastore    Calico datastore management.

Options:
  -h --help                    Show this screen.
  -l --log-level=<level>       Set the log level (one of panic, fatal, error,
                               warn, info, debug) [default: panic]
     --context=<context>       The name of the kubeconfig context to use.
     --allow-version-mismatch  Allow client and cluster versions mismatch.

Description:
  The calicoctl command line tool is used to manage Calico network and security
  policy, to view and manage endpoint configuration, and to manage a Calico
  node instance.

  See 'calicoctl <command> --help' to read about a specific subcommand.
`;

/** tablewriter's grid: headlines in capitals and centred, cells by their alignment. */
function grid(head: readonly string[], rows: readonly (readonly string[])[], right: readonly boolean[] = []): string {
  const widths = head.map((h, i) => Math.max(h.length, ...rows.map((r) => (r[i] ?? '').length)));
  const rule = `+${widths.map((w) => '-'.repeat(w + 2)).join('+')}+\n`;
  const centred = (text: string, w: number): string => {
    const left = Math.floor((w - text.length) / 2);
    return `${' '.repeat(left)}${text}${' '.repeat(w - text.length - left)}`;
  };
  const cell = (text: string, i: number): string => (right[i] ? text.padStart(widths[i] as number) : text.padEnd(widths[i] as number));
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |\n`;
  return rule + line(head.map((h, i) => centred(h, widths[i] as number))) + rule + rows.map((r) => line(r.map(cell))).join('') + rule;
}

/** Columns apart by three blanks, as the get command prints them. */
function columns(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, i) => Math.max(...rows.map((r) => (r[i] ?? '').length)));
  return `${rows.map((r) => r.map((c, i) => c.padEnd((widths[i] as number) + 3)).join('')).join('\n')}\n\n`;
}

function clock(p: Process, at: number): string {
  return new Date(p.sim.epochMs + at / 1000).toISOString().slice(11, 19);
}

function nodeStatus(p: Process): string {
  const sessions = sessionsOn(p.machine);
  if (!sessions) return 'Calico process is not running.\n';
  const rows = [...sessions.values()]
    .sort((a, b) => a.peer - b.peer)
    .map((s) => [
      formatIp4(s.peer),
      'node-to-node mesh',
      s.state === 'Established' ? 'up' : 'start',
      clock(p, s.since),
      s.state === 'Established' ? 'Established' : `${s.state} ${s.error}`.trim(),
    ]);
  const v4 = rows.length === 0 ? 'No IPv4 peers found.\n' : grid(['PEER ADDRESS', 'PEER TYPE', 'STATE', 'SINCE', 'INFO'], rows);
  return `Calico process is running.\n\nIPv4 BGP status\n${v4}\nIPv6 BGP status\nNo IPv6 peers found.\n\n`;
}

function getNodes(client: Client, wide: boolean): string {
  const r = client.list<Node>('nodes');
  const nodes = r.ok ? r.value.items : [];
  const rows = nodes.map((n) => {
    const name = n.metadata.name ?? '';
    return wide ? [name, `(${AS})`, n.metadata.annotations?.['projectcalico.org/IPv4Address'] ?? '', ''] : [name];
  });
  return columns([wide ? ['NAME', 'ASN', 'IPV4', 'IPV6'] : ['NAME'], ...rows]);
}

function getPools(client: Client, wide: boolean): string {
  const rows = pools(client).map(({ metadata, spec }) => {
    const selector = spec.nodeSelector ?? 'all()';
    if (!wide) return [metadata.name ?? '', spec.cidr, selector];
    const flags = [
      String(spec.natOutgoing === true),
      spec.ipipMode ?? 'Never',
      spec.vxlanMode ?? 'Never',
      String(spec.disabled === true),
      'false',
    ];
    return [metadata.name ?? '', spec.cidr, ...flags, selector];
  });
  const head = wide
    ? ['NAME', 'CIDR', 'NAT', 'IPIPMODE', 'VXLANMODE', 'DISABLED', 'DISABLEBGPEXPORT', 'SELECTOR']
    : ['NAME', 'CIDR', 'SELECTOR'];
  return columns([head, ...rows]);
}

function share(n: number, of: number): string {
  return `${n} (${Math.round((n / of) * 100)}%)`;
}

function ipamShow(client: Client, withBlocks: boolean): string {
  const rows: string[][] = [];
  const all = blocks(client);
  const row = (kind: string, cidr: string, total: number, used: number): void => {
    rows.push([kind, cidr, String(total), share(used, total), share(total - used, total)]);
  };
  const usedIn = (b: (typeof all)[number]): number => b.spec.allocations.filter((a) => a !== null).length;
  for (const pool of pools(client)) {
    const net = net4(pool.spec.cidr);
    const size = 2 ** (32 - net.len);
    const inside = all.filter((b) => {
      const a = net4(b.spec.cidr).addr;
      return a >= net.addr && a < net.addr + size;
    });
    row(
      'IP Pool',
      pool.spec.cidr,
      size,
      inside.reduce((n, b) => n + usedIn(b), 0),
    );
    if (withBlocks)
      for (const b of inside.sort((x, y) => net4(x.spec.cidr).addr - net4(y.spec.cidr).addr))
        row('Block', b.spec.cidr, b.spec.allocations.length, usedIn(b));
  }
  return grid(['GROUPING', 'CIDR', 'IPS TOTAL', 'IPS IN USE', 'IPS FREE'], rows, [false, false, true, false, false]);
}

const KINDS: Readonly<Record<string, (client: Client, wide: boolean) => string>> = {
  node: getNodes,
  nodes: getNodes,
  ippool: getPools,
  ippools: getPools,
};

export function calicoctlCommand(api: ApiFor): Command {
  function* main(p: Process): Task<number> {
    const words = p.argv.slice(1).filter((w) => w !== '--allow-version-mismatch');
    const [verb, what, ...rest] = words;
    if (verb === undefined || verb === '-h' || verb === '--help') {
      yield* verb === undefined ? p.err(USAGE) : p.out(USAGE);
      return verb === undefined ? 1 : 0;
    }
    if (verb === 'node' && what === 'status') {
      if (p.uid !== 0) {
        yield* p.out('This command must be run as root.\n');
        return 1;
      }
      yield* p.out(nodeStatus(p));
      return 0;
    }
    const client = yield* reachable(p, api, (c) => c.list(POOLS).ok, PATIENCE);
    if (!client) {
      yield* p.err(
        'Failed to create Calico API client: invalid configuration: no configuration has been provided, try setting KUBERNETES_MASTER environment variable\n',
      );
      return 1;
    }
    if (verb === 'get' && what !== undefined) {
      const show = KINDS[what.toLowerCase()];
      const wide = rest.join(' ') === '-o wide' || rest[0] === '--output=wide' || rest[0] === '-owide';
      if (!show) {
        yield* p.err(`calicoctl: get ${what} is not emulated\n`);
        return 1;
      }
      if (rest.length > 0 && !wide) {
        yield* p.err(`calicoctl: option ${rest[0]} is not emulated\n`);
        return 1;
      }
      yield* p.out(show(client, wide));
      return 0;
    }
    if (verb === 'ipam' && what === 'show' && rest.every((w) => w === '--show-blocks')) {
      yield* p.out(ipamShow(client, rest.length > 0));
      return 0;
    }
    if (verb === 'version') {
      yield* p.out('Client Version:    v3.31.0\nGit commit:        b20beb8d2\nCluster Version:   v3.31.0\nCluster Type:      k8s,bgp\n');
      return 0;
    }
    yield* p.err(`calicoctl: ${words.slice(0, 2).join(' ')} is not emulated\n`);
    return 1;
  }
  return { name: 'calicoctl', path: '/usr/local/bin/calicoctl', main };
}
