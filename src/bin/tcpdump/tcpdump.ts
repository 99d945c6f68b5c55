/** tcpdump: capture, filter, print, save and read packets. Models tcpdump 4.99.3 and libpcap 1.10.3 */

import type { Process } from '../../os/process.ts';
import type { Command, Task } from '../../os/program.ts';
import { LINKTYPE_ETHERNET } from '../../wire/pcap.ts';
import { compile, Fatal } from './compile.ts';
import { listDevices } from './devices.ts';
import { Live } from './live.ts';
import { DATALINKS, parseTcpdump, type TcpdumpOptions } from './options.ts';
import { readSavefiles } from './savefile.ts';
import { USAGE, VERSION } from './usage.ts';

function* run(p: Process, o: TcpdumpOptions): Task<number> {
  if (o.list) {
    const lines = listDevices(p).map((l, i) => `${i + 1}.${l.text}\n`);
    yield* p.out(lines.join(''));
    return 0;
  }
  if (o.read !== null || o.readList !== null) return yield* readSavefiles(p, o);
  if (o.listStamps) {
    const name = o.device ?? listDevices(p)[0]?.name ?? 'any';
    yield* p.err(`Time stamp types for ${name} (use option -j to set):\n  host (Host)\n`);
    return 0;
  }
  if (o.dump > 0 && o.device === null) {
    const linktype = o.datalink === null ? LINKTYPE_ETHERNET : (DATALINKS[o.datalink] as number);
    if (o.datalink === null) yield* p.err('Warning: assuming Ethernet\n');
    const filter = yield* compile(p, o, { linktype, offline: false });
    yield* p.out(filter.listing(o.dump));
    return 0;
  }
  return yield* new Live(p, o).run();
}

function* main(p: Process): Task<number> {
  const parsed = parseTcpdump(p.argv.slice(1));
  if (!parsed.ok) {
    if (parsed.kind === 'version' || parsed.kind === 'help') {
      yield* p.out(VERSION + (parsed.kind === 'help' ? USAGE : ''));
      return 0;
    }
    yield* p.err(parsed.kind === 'usage' ? parsed.text + VERSION + USAGE : `tcpdump: ${parsed.text}\n`);
    return 1;
  }
  try {
    return yield* run(p, parsed.options);
  } catch (e) {
    if (!(e instanceof Fatal)) throw e;
    yield* p.err(`tcpdump: ${e.message}${e.message.endsWith('\n') ? '' : '\n'}`);
    return 1;
  }
}

export const tcpdump: Command = { name: 'tcpdump', main };
