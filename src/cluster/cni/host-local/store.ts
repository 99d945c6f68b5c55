/** Reserved addresses as files of a directory: one for each address. Models plugins/ipam/host-local/backend/disk/backend.go */

import type { Process } from '../../../os/process.ts';
import { formatIp, type IpAddr } from '../../../wire/addr.ts';
import { makeDirs } from '../cache.ts';
import { goIp } from '../gojson.ts';
import { errnoText } from '../link.ts';
import { bad, good, type Outcome } from '../types.ts';

const LAST_RESERVED = 'last_reserved_ip.';
const LINE_BREAK = '\r\n';
const DEFAULT_DIR = '/var/lib/cni/networks';

export class Store {
  private readonly p: Process;
  readonly dir: string;

  private constructor(p: Process, dir: string) {
    this.p = p;
    this.dir = dir;
  }

  static open(p: Process, network: string, dataDir: string): Outcome<Store> {
    const dir = `${dataDir === '' ? DEFAULT_DIR : dataDir}/${network}`;
    if (!makeDirs(p, dir)) return bad(`mkdir ${dir}: not a directory`);
    if (!p.stat(`${dir}/lock`).ok) p.writeFile(`${dir}/lock`, '');
    return good(new Store(p, dir));
  }

  /** Entries that are addresses, in the order of a directory walk: by name. */
  private entries(): string[] {
    const names = this.p.readdir(this.dir);
    return names.ok ? [...names.value].sort() : [];
  }

  /** False when somebody has it. */
  reserve(id: string, ifname: string, ip: IpAddr, rangeID: number): Outcome<boolean> {
    const file = `${this.dir}/${formatIp(ip)}`;
    if (this.p.stat(file).ok) return good(false);
    const written = this.p.writeFile(file, `${id.trim()}${LINE_BREAK}${ifname}`);
    if (!written.ok) return bad(`open ${file}: ${errnoText(written.errno)}`);
    const last = this.p.writeFile(`${this.dir}/${LAST_RESERVED}${rangeID}`, formatIp(ip));
    return last.ok ? good(true) : bad(`open ${this.dir}/${LAST_RESERVED}${rangeID}: ${errnoText(last.errno)}`);
  }

  lastReserved(rangeID: number): IpAddr | null {
    const text = this.p.readText(`${this.dir}/${LAST_RESERVED}${rangeID}`);
    return text === null ? null : goIp(text);
  }

  private holds(name: string, match: string): boolean {
    return this.p.readText(`${this.dir}/${name}`)?.trim() === match;
  }

  find(id: string, ifname: string): boolean {
    const names = this.entries();
    return [`${id.trim()}${LINE_BREAK}${ifname}`, id.trim()].some((match) => names.some((n) => this.holds(n, match)));
  }

  addressesOf(id: string, ifname: string): IpAddr[] {
    const matches = [`${id.trim()}${LINE_BREAK}${ifname}`, id.trim()];
    const out: IpAddr[] = [];
    for (const name of this.entries()) {
      const ip = goIp(name);
      if (ip !== null && matches.some((m) => this.holds(name, m))) out.push(ip);
    }
    return out;
  }

  release(id: string, ifname: string): void {
    for (const match of [`${id.trim()}${LINE_BREAK}${ifname}`, id.trim()]) {
      const found = this.entries().filter((n) => this.holds(n, match));
      for (const name of found) this.p.unlink(`${this.dir}/${name}`);
      if (found.length > 0) return;
    }
  }

  /** Releases what belongs to none of the attachments. */
  collect(valid: ReadonlySet<string>): void {
    for (const name of this.entries()) {
      if (goIp(name) === null) continue;
      const owner = this.p.readText(`${this.dir}/${name}`)?.trim() ?? '';
      if (!valid.has(owner)) this.p.unlink(`${this.dir}/${name}`);
    }
  }
}
