/** Tables of a namespace as they are now: rules with their counters, routes, and how many of the packets that are kept each one touched. */

import type { FibRoute } from '../../net/ip/fib.ts';
import { TABLES, type Table, type TableName } from '../../net/netfilter/xt/tables.ts';
import type { Netns } from '../../net/netns.ts';
import { routeMsg } from '../../net/rtnl/route.ts';
import { type Texts, tableName } from './texts.ts';
import type { ChainLine, RuleLine, TableLine } from './told.ts';

/** Rules and routes that one answer may have. */
const MAX_RULES = 1500;

export interface Numbering {
  /** Its number, told with what it is. */
  number(about: object, text: string, place: string): number;
  /** How many packets it touched. */
  hits(about: object): number;
}

export class RuleList {
  left = 0;
  private room = MAX_RULES;
  private readonly texts: Texts;
  private readonly numbers: Numbering;
  private readonly ns: Netns;
  private readonly space: string;

  constructor(texts: Texts, numbers: Numbering, ns: Netns, space: string) {
    this.texts = texts;
    this.numbers = numbers;
    this.ns = ns;
    this.space = space;
  }

  all(): TableLine[] {
    const { nf } = this.ns;
    const out: TableLine[] = [];
    for (const [tables, word] of [
      [nf.xt, 'iptables'],
      [nf.legacy, 'iptables-legacy'],
    ] as const)
      for (const family of [4, 6] as const) {
        const name = family === 4 ? word : word.replace('iptables', 'ip6tables');
        for (const table of tables.list(family).sort((a, b) => order(a.name) - order(b.name))) {
          const chains = this.chains(table, name);
          if (chains.some((c) => c.rules.length > 0 || c.policy === 'DROP')) out.push({ title: `${name} ${table.name}`, chains });
        }
      }
    for (const table of nf.nft.all()) {
      const title = `nft ${table.family} ${table.name}`;
      const chains = [...table.chains.values()].map((c): ChainLine => {
        const place = `${title} ${c.name}`;
        const rules = c.rules.map((r) => ({
          about: r,
          text: () =>
            this.texts.rule(
              r,
              c.name,
              table.family === 'ip6',
              this.ns,
              table.family === 'ip' || table.family === 'ip6' ? table.family : 'inet',
            ),
          packets: null,
        }));
        return { name: c.name, policy: c.base?.policy ?? (c.base ? 'accept' : ''), rules: this.lines(rules, place) };
      });
      out.push({ title, chains });
    }
    return [...out, ...this.routes()];
  }

  private chains(table: Table, name: string): ChainLine[] {
    const builtin = TABLES[table.name].flatMap(([hook]) => table.chains.get(hook) ?? []);
    const user = [...table.chains.values()].filter((c) => c.hook === null).sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
    return [...builtin, ...user].map((c) => ({
      name: c.name,
      policy: c.hook === null ? '' : c.policy,
      rules: this.lines(
        c.rules.map((r) => ({ about: r, text: () => this.texts.rule(r, c.name, table.family === 6, this.ns), packets: r.packets })),
        `${name} ${table.name} ${c.name}`,
      ),
    }));
  }

  private routes(): TableLine[] {
    const { fib } = this.ns;
    const out: TableLine[] = [];
    for (const family of [4, 6] as const)
      for (const id of fib.tables(family)) {
        const routes = fib.list(family, id).filter((r) => shown(r, this.ns));
        if (routes.length === 0) continue;
        const title = `${family === 4 ? 'ip route' : 'ip -6 route'}${id === 254 ? '' : ` show table ${tableName(id)}`}`;
        const rules = this.lines(
          routes.map((r) => ({ about: r, text: () => this.texts.route(r, this.ns), packets: null })),
          title,
        );
        out.push({ title, chains: [{ name: '', policy: '', rules }] });
      }
    return out;
  }

  private lines(rules: readonly { about: object; text: () => string; packets: number | null }[], place: string): RuleLine[] {
    const shown = rules.slice(0, this.room);
    this.left += rules.length - shown.length;
    this.room -= shown.length;
    return shown.map(({ about, text, packets }) => {
      const line = text();
      return { ref: this.numbers.number(about, line, `${this.space}: ${place}`), text: line, packets, hits: this.numbers.hits(about) };
    });
  }
}

const ORDER: readonly TableName[] = ['raw', 'mangle', 'nat', 'filter', 'security'];
const order = (name: TableName): number => ORDER.indexOf(name);

const shown = (r: FibRoute, ns: Netns): boolean => routeMsg(r, ns.kernel.sim.now).expires >= 0;
