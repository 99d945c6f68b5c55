/** Syntax tree to blocks. Models libpcap's gencode.c for Ethernet, Linux cooked and raw IP captures */

import { Arithmetic } from './arithmetic.ts';
import { type Block, backpatch, type Code, genAnd, genNot, genOr, newBlock, newStmt } from './block.ts';
import { JGE, JGT, JMP, K, LD, LEN, RET } from './insn.ts';
import { FilterError, type Node } from './tree.ts';

export class Generator extends Arithmetic {
  program(node: Node | null): Code {
    const { snaplen } = this.t;
    if (!node) return { root: newBlock(RET | K, snaplen), mark: 0 };
    const b = this.gen(node);
    this.vlanPrologue(b.head);
    backpatch(b, newBlock(RET | K, snaplen));
    b.sense = !b.sense;
    backpatch(b, newBlock(RET | K, 0));
    return { root: b.head, mark: 0 };
  }

  gen(n: Node): Block {
    switch (n.op) {
      case 'and':
      case 'or': {
        const left = this.gen(n.left);
        const right = this.gen(n.right);
        if (n.op === 'and') genAnd(left, right);
        else genOr(left, right);
        return right;
      }
      case 'not': {
        const b = this.gen(n.node);
        genNot(b);
        return b;
      }
      case 'name':
        return this.name(n.text, n.q);
      case 'number':
        return this.number(null, n.value, n.q);
      case 'dotted':
        return n.mask !== null || n.len !== null ? this.masked(n.text, n.mask, n.len ?? 0, n.q) : this.number(n.text, 0, n.q);
      case 'ip6':
        return this.ip6(n.text, n.len ?? 128, n.q);
      case 'mac':
        return this.mac(n.text, n.q);
      case 'proto':
        return this.abbreviation(n.proto);
      case 'relation':
        return this.relation(n.sign, this.value(n.left), this.value(n.right));
      case 'cast':
        return n.kind === 'broadcast' ? this.broadcast(n.proto) : this.multicast(n.proto);
      case 'length': {
        const b = newBlock(JMP | (n.kind === 'less' ? JGT : JGE) | K, n.value, newStmt(LD | LEN));
        if (n.kind === 'less') genNot(b);
        return b;
      }
      case 'byte':
        return this.byteOp(n.sign, n.index, n.value);
      case 'direction':
        return this.direction(n.outbound);
      case 'ifindex':
        return this.ifindex(n.value);
      case 'tag':
        return this.tag(n.kind, n.value);
      case 'pppoed':
        return this.type(0x8863);
      case 'llc':
        return this.llc();
      default:
        throw new FilterError(n.text);
    }
  }
}
