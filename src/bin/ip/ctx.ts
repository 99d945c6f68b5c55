/** One run of `ip`, `bridge`: options, namespace, output and the kernel's answers as text. */

import type { Process } from '../../os/process.ts';
import type { Task } from '../../os/program.ts';
import { type Fail, type NetDevice, type Netns, type Result, strerror } from '../../os/uapi.ts';
import { Exit } from './lib/args.ts';
import type { AddrFamily } from './lib/inet.ts';
import { Names } from './lib/names.ts';
import { Printer } from './lib/print.ts';

const utf8 = new TextDecoder();

export class Ctx {
  readonly p: Process;
  ns: Netns;
  family: AddrFamily = 0;
  stats = 0;
  details = 0;
  brief = 0;
  human = false;
  /** `bridge -c`: VLANs as ranges. */
  compressVlans = false;
  resolve = false;
  timestamp: '' | 'long' | 'short' = '';
  all = false;
  /** Changes are printed as the kernel tells them. */
  echo = false;
  force = false;
  /** Commands come from a file: a program to run is a child, not this process. */
  batch = false;
  json = 0;
  pretty = 0;
  /** When set: ids that have a name; others are shown as numbers. */
  namedNsids: ReadonlySet<number> | null = null;
  /** Names by index as a monitor remembers them; null: as they are. */
  llNames: Map<number, string> | null = null;
  readonly pr = new Printer();
  /** Text for stderr so far. */
  err = '';
  private nameTables: Names | null = null;
  private numeric = false;

  constructor(p: Process) {
    this.p = p;
    this.ns = p.ns;
  }

  get names(): Names {
    if (!this.nameTables) {
      this.nameTables = new Names((path) => {
        const r = this.p.readFile(path);
        return r.ok ? utf8.decode(r.value) : null;
      });
      this.nameTables.numeric = this.numeric;
    }
    return this.nameTables;
  }

  setNumeric(): void {
    this.numeric = true;
    if (this.nameTables) this.nameTables.numeric = true;
  }

  /** Opens the JSON document when -j was given. */
  newJson(): void {
    if (this.json) this.pr.newJson(this.pretty > 0);
  }

  deleteJson(): void {
    this.pr.deleteJson();
  }

  complain(text: string): void {
    this.err += text;
  }

  /** `Cannot find device "x"`, status 1. */
  nodev(name: string): number {
    this.err += `Cannot find device "${name}"\n`;
    return 1;
  }

  device(name: string): NetDevice | undefined {
    return this.ns.device(name) ?? (/^if\d+$/.test(name) ? this.ns.deviceByIndex(Number(name.slice(2))) : undefined);
  }

  /** ll_index_to_name(): a monitor keeps the first name that it heard until the index goes. */
  nameOf(dev: NetDevice): string {
    if (!this.llNames) return dev.name;
    const index = dev.ifindex;
    const known = this.llNames.get(index);
    if (known !== undefined) return known;
    const name = this.ns.deviceByIndex(index)?.name ?? `if${index}`;
    this.llNames.set(index, name);
    return name;
  }

  /** The device, or the end of the program with `Cannot find device`. */
  needDevice(name: string): NetDevice {
    const dev = this.device(name);
    if (!dev) throw new Exit(1, `Cannot find device "${name}"\n`);
    return dev;
  }

  /** 0, or the kernel's refusal as text and status 2. */
  talk(r: Result<unknown>, status = 2): number {
    if (r.ok) return 0;
    this.err += netlinkError(r);
    return status;
  }

  /** The name under /run/netns of the namespace that this one knows by `nsid`. */
  nameOfNsid(nsid: number): string | undefined {
    if (this.namedNsids && !this.namedNsids.has(nsid)) return undefined;
    for (const [name, ns] of this.p.kernel.named) if (this.ns.nsids.get(ns) === nsid) return name;
    return undefined;
  }

  *flush(): Task<void> {
    const { out } = this.pr;
    const { err } = this;
    this.pr.out = '';
    this.err = '';
    if (out !== '') yield* this.p.out(out);
    if (err !== '') yield* this.p.err(err);
  }
}

/** `Error: text.` when the kernel explained itself, `RTNETLINK answers: …` otherwise. */
function netlinkError(f: Fail): string {
  if (f.msg === undefined || f.msg === '') return `RTNETLINK answers: ${strerror(f.errno)}\n`;
  return `Error: ${f.msg}${f.msg.endsWith('.') ? '' : '.'}\n`;
}

/** What a command gives: its exit status, at once or after waiting. */
export type Outcome = number | Task<number>;

export interface Verb {
  readonly name: string;
  run(ctx: Ctx, words: readonly string[]): Outcome;
}
