/** The filter of a run: its text from the command line or a file, names looked up, as a predicate on packets. Models read_infile(), pcap_compile() */

import type { Process } from '../../os/process.ts';
import type { Task } from '../../os/program.ts';
import { getaddrinfo } from '../../os/resolver.ts';
import { strerror } from '../../sim/errno.ts';
import { FilterError, parseFilter, unresolvedHosts } from './filter.ts';
import { matches, type Packet } from './match.ts';
import type { TcpdumpOptions } from './options.ts';

/** A failure that ends tcpdump with its text on stderr and status 1. */
export class Fatal extends Error {}

export type Predicate = (p: Omit<Packet, 'linktype'>) => boolean;

export interface Compiled {
  /** Null: everything is taken. */
  run: Predicate | null;
  /** What -d, -dd and -ddd print. */
  listing(level: number): string;
}

export interface Target {
  linktype: number;
  /** A file or nothing at all: what the kernel knows of a packet besides its bytes is not there. */
  offline: boolean;
}

export function* compile(p: Process, o: TcpdumpOptions, target: Target): Task<Compiled> {
  let source = o.filter;
  if (o.filterFile !== null) {
    const r = p.readFile(o.filterFile);
    if (!r.ok) throw new Fatal(`can't open ${o.filterFile}: ${strerror(r.errno)}`);
    source = new TextDecoder().decode(r.value).replace(/#.*$/gm, '');
  }
  try {
    const node = parseFilter(source);
    for (const host of unresolvedHosts(node)) {
      const r = yield* getaddrinfo(p, host.text);
      if (!r.ok) throw new FilterError(`unknown host '${host.text}'`);
      host.addrs.push(...r.addrs);
    }
    return {
      run: node === null ? null : (packet) => matches(node, { ...packet, linktype: target.linktype }),
      listing: () => '',
    };
  } catch (e) {
    if (!(e instanceof FilterError)) throw e;
    throw new Fatal(e.message === 'syntax error' ? "can't parse filter expression: syntax error" : e.message);
  }
}
