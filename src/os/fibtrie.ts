/** /proc/net/fib_trie and fib_triestat: the IPv4 routes as the compressed trie that the kernel keeps. Models net/ipv4/fib_trie.c */

import { type FibRoute, RT_TABLE_LOCAL, RT_TABLE_MAIN } from '../net/ip/fib.ts';
import type { Netns } from '../net/netns.ts';
import { formatIp } from '../wire/addr.ts';

interface Node {
  readonly key: number;
  /** Bits below those that choose the child; -1 in a leaf. */
  readonly pos: number;
  readonly bits: number;
  parent: Node | null;
  readonly children: (Node | null)[];
  readonly routes: FibRoute[];
}

const KEYLENGTH = 32;
const MAX_WORK = 10;

function tnode(key: number, pos: number, bits: number): Node {
  const shift = pos + bits;
  return {
    key: shift < KEYLENGTH ? ((key >>> shift) << shift) >>> 0 : 0,
    pos,
    bits,
    parent: null,
    children: new Array<Node | null>(bits === 0 ? 1 : 2 ** bits).fill(null),
    routes: [],
  };
}

const isNode = (n: Node): boolean => n.bits > 0;
const index = (key: number, n: Node): number => (n.pos >= KEYLENGTH ? 0 : ((key ^ n.key) >>> 0) / 2 ** n.pos) | 0;

function isFull(parent: Node, n: Node | null): boolean {
  return n !== null && isNode(n) && n.pos + n.bits === parent.pos;
}

function put(parent: Node, i: number, n: Node | null): void {
  parent.children[i] = n;
  if (n) n.parent = parent;
}

const empty = (n: Node): number => n.children.filter((c) => c === null).length;
const full = (n: Node): number => n.children.filter((c) => isFull(n, c)).length;

class Trie {
  /** Stands above the root, which is its only child. */
  readonly top = tnode(0, KEYLENGTH, 0);

  private at(parent: Node, key: number): number {
    return parent === this.top ? 0 : index(key, parent);
  }

  insert(r: FibRoute): void {
    const key = (r.dst.addr as number) >>> 0;
    let tp = this.top;
    let n: Node | null = this.top.children[0] as Node | null;
    while (n) {
      if (!isNode(n)) {
        if (n.key !== key) break;
        n.routes.push(r);
        n.routes.sort((a, b) => b.dst.len - a.dst.len || b.table - a.table || b.tos - a.tos || a.metric - b.metric);
        return;
      }
      if (((key ^ n.key) >>> 0) / 2 ** n.pos >= 2 ** n.bits) break;
      tp = n;
      n = n.children[index(key, n)] as Node | null;
    }
    const leaf: Node = { key, pos: 0, bits: 0, parent: null, children: [], routes: [r] };
    if (n) {
      const split = tnode(key, 31 - Math.clz32(key ^ n.key), 1);
      put(tp, this.at(tp, key), split);
      put(split, index(key, split) ^ 1, n);
      tp = split;
    }
    put(tp, this.at(tp, key), leaf);
    let up: Node = tp;
    while (up !== this.top) up = this.resize(up);
  }

  private resize(node: Node): Node {
    let tn = node;
    const tp = tn.parent as Node;
    const at = this.at(tp, tn.key);
    let work = MAX_WORK;
    for (; work > 0 && this.shouldInflate(tp, tn); work--, tn = tp.children[at] as Node) this.inflate(tn);
    if (work !== MAX_WORK) return tp;
    for (; work > 0 && this.shouldHalve(tp, tn); work--, tn = tp.children[at] as Node) this.halve(tn);
    if (tn.children.length - empty(tn) < 2) {
      put(tp, at, tn.children.find((c) => c !== null) ?? null);
      return tp;
    }
    return tn.parent as Node;
  }

  private shouldInflate(tp: Node, tn: Node): boolean {
    const length = tn.children.length;
    const used = length - empty(tn) + full(tn);
    return used > 1 && tn.pos > 0 && 50 * used >= length * (tp === this.top ? 30 : 50);
  }

  private shouldHalve(tp: Node, tn: Node): boolean {
    const length = tn.children.length;
    const used = length - empty(tn);
    return used > 1 && tn.bits > 1 && 100 * used < length * (tp === this.top ? 15 : 25);
  }

  private inflate(old: Node): void {
    const tn = tnode(old.key, old.pos - 1, old.bits + 1);
    for (let i = old.children.length - 1; i >= 0; i--) {
      const n = old.children[i] as Node | null;
      if (!n) continue;
      if (!isFull(old, n)) {
        put(tn, index(n.key, tn), n);
      } else if (n.bits === 1) {
        put(tn, 2 * i + 1, n.children[1] as Node | null);
        put(tn, 2 * i, n.children[0] as Node | null);
      } else {
        const one = tnode((n.key | (2 ** tn.pos)) >>> 0, n.pos, n.bits - 1);
        const zero = tnode(n.key, n.pos, n.bits - 1);
        const half = n.children.length / 2;
        for (let j = 0; j < half; j++) {
          put(one, j, n.children[half + j] as Node | null);
          put(zero, j, n.children[j] as Node | null);
        }
        put(tn, 2 * i + 1, one);
        put(tn, 2 * i, zero);
      }
    }
    this.replace(old, tn);
  }

  private halve(old: Node): void {
    const tn = tnode(old.key, old.pos + 1, old.bits - 1);
    for (let i = old.children.length - 2; i >= 0; i -= 2) {
      const zero = old.children[i] as Node | null;
      const one = old.children[i + 1] as Node | null;
      if (!zero || !one) {
        put(tn, i / 2, zero ?? one);
        continue;
      }
      const n = tnode(zero.key, old.pos, 1);
      put(n, 1, one);
      put(n, 0, zero);
      put(tn, i / 2, n);
    }
    this.replace(old, tn);
  }

  private replace(old: Node, fresh: Node): void {
    const tp = old.parent as Node;
    put(tp, this.at(tp, fresh.key), fresh);
    let tn = fresh;
    for (let i = tn.children.length - 1; i >= 0; i--) {
      const n: Node | null = tn.children[i] ?? null;
      if (n && isFull(tn, n)) tn = this.resize(n);
    }
  }
}

/** Trees with their titles. Until a rule comes, the local and the main table are one. */
function tries(ns: Netns): [title: string, trie: Trie][] {
  const joined = !ns.fib.rules.unmerged;
  return ns.fib
    .tables(4)
    .filter((id) => id < 253 || id > 255 || ns.fib.list(4, id).length > 0 || id === RT_TABLE_MAIN || id === RT_TABLE_LOCAL)
    .sort((a, b) => (a & 255) - (b & 255))
    .map((id) => {
      const trie = new Trie();
      const pair = id === RT_TABLE_MAIN || id === RT_TABLE_LOCAL;
      for (const table of joined && pair ? [RT_TABLE_LOCAL, RT_TABLE_MAIN] : [id]) for (const r of ns.fib.list(4, table)) trie.insert(r);
      return [id === RT_TABLE_MAIN ? 'Main:' : id === RT_TABLE_LOCAL ? 'Local:' : `Id ${id}:`, trie];
    });
}

const SCOPES: Readonly<Record<number, string>> = { 0: 'universe', 200: 'site', 253: 'link', 254: 'host', 255: 'nowhere' };

export function fibTrie(ns: Netns): string {
  let out = '';
  const show = (n: Node, depth: number): void => {
    const indent = '   '.repeat(depth);
    if (isNode(n)) {
      out += `${indent}  +-- ${formatIp(n.key)}/${KEYLENGTH - n.pos - n.bits} ${n.bits} ${full(n)} ${empty(n)}\n`;
      for (const c of n.children) if (c) show(c, depth + 1);
      return;
    }
    out += `${indent}  |-- ${formatIp(n.key)}\n`;
    for (const r of n.routes)
      out += `${indent}     /${r.dst.len} ${SCOPES[r.scope] ?? `scope=${r.scope}`} ${r.type.toUpperCase()}${r.tos ? ` tos=${r.tos}` : ''}\n`;
  };
  for (const [title, trie] of tries(ns)) {
    const root = trie.top.children[0];
    if (!root) continue;
    out += `${title}\n`;
    show(root, 0);
  }
  return out;
}

const LEAF = 48;
const TNODE = 40;
const ALIAS = 56;

export function fibTrieStat(ns: Netns): string {
  let out = `Basic info: size of leaf: ${LEAF} bytes, size of tnode: ${TNODE} bytes.\n`;
  for (const [title, trie] of tries(ns)) {
    let [leaves, prefixes, total, deepest, nodes, pointers, nulls] = [0, 0, 0, 0, 0, 0, 0];
    const sizes = new Map<number, number>();
    const visit = (n: Node, depth: number): void => {
      if (isNode(n)) {
        nodes++;
        nulls += empty(n);
        pointers += n.children.length;
        sizes.set(n.bits, (sizes.get(n.bits) ?? 0) + 1);
        for (const c of n.children) if (c) visit(c, depth + 1);
        return;
      }
      leaves++;
      prefixes += n.routes.length;
      total += depth;
      deepest = Math.max(deepest, depth);
    };
    const root = trie.top.children[0];
    if (root) visit(root, 0);
    const average = leaves > 0 ? Math.floor((total * 100) / leaves) : 0;
    const bytes = LEAF * leaves + ALIAS * prefixes + TNODE * nodes + 8 * pointers;
    const list = [...sizes].sort((a, b) => a[0] - b[0]).map(([bits, n]) => `  ${bits}: ${n}`);
    out += `${title}\n\tAver depth:     ${Math.floor(average / 100)}.${String(average % 100).padStart(2, '0')}\n\tMax depth:      ${deepest}\n\tLeaves:         ${leaves}\n\tPrefixes:       ${prefixes}\n\tInternal nodes: ${nodes}\n\t${list.join('')}\n\tPointers: ${pointers}\nNull ptrs: ${nulls}\nTotal size: ${Math.ceil(bytes / 1024)}  kB\n`;
  }
  return out;
}
