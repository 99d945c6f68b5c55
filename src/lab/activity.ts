/** What the learner did, as the machines saw it: programs started, packets that captures got. */

import type { TraceEvent } from '../sim/trace.ts';
import { formatIp, type IpAddr } from '../wire/addr.ts';
import { u16 } from '../wire/bytes.ts';
import { type Encapsulation, packetOf } from './probe/flow.ts';
import type { World } from './world.ts';

export interface Ran {
  readonly host: string;
  /** Name of the network namespace, '' for the first. */
  readonly ns: string;
  readonly line: string;
  /** Virtual µs. */
  readonly time: number;
  /** Programs and answers are counted together: what came first has the lower number. */
  readonly order: number;
}

export interface Layer {
  readonly proto: number;
  readonly src: IpAddr;
  readonly dst: IpAddr;
  /** 0 where there is none. */
  readonly sport: number;
  readonly dport: number;
}

/** A kind of packet that a capture got, and how many of it. */
export interface Captured {
  readonly host: string;
  readonly ns: string;
  readonly dev: string;
  readonly filter: string;
  /** From the outside in. */
  readonly layers: readonly Layer[];
  readonly encapsulation: Encapsulation | null;
  readonly vni: number;
  count: number;
}

const MAX_RAN = 20_000;
const MAX_LINE = 2000;
const MAX_CAPTURED = 5000;
const UDP = 17;
/** Above it ports are taken as they come, and one stands for all. */
const EPHEMERAL = 32_768;

function layersOf(frame: Uint8Array): Pick<Captured, 'layers' | 'encapsulation' | 'vni'> | null {
  const packet = packetOf(frame);
  if (!packet) return null;
  const { proto, src, dst, tunnels } = packet;
  const plain = (port: number, other: number): number => (port >= EPHEMERAL && other < EPHEMERAL ? 0 : port);
  const [sport, dport] = proto === 6 || proto === UDP ? [plain(packet.sport, packet.dport), plain(packet.dport, packet.sport)] : [0, 0];
  const outer = tunnels.map((t, i): Layer => {
    const vxlan = t.kind === 'vxlan';
    // Only the outermost header lies at a known place.
    const port = vxlan && i === 0 ? u16(frame, 14 + ((frame[14] as number) & 15) * 4 + 2) : 0;
    return { proto: vxlan ? UDP : t.kind === 'ipip' ? 4 : 47, src: t.src, dst: t.dst, sport: 0, dport: port };
  });
  return { layers: [...outer, { proto, src, dst, sport, dport }], encapsulation: tunnels[0]?.kind ?? null, vni: tunnels.at(-1)?.vni ?? 0 };
}

export class Activity {
  readonly ran: Ran[] = [];
  private readonly seen = new Map<string, Captured>();
  /** More was done than is kept. */
  full = false;
  private order = 0;
  private readonly answered: number[] = [];
  private readonly silence: () => void;

  constructor(world: World) {
    this.silence = world.sim.activity.listen((e) => this.hear(e));
  }

  /** Nothing more is the learner's. */
  stop(): void {
    this.silence();
  }

  get captured(): readonly Captured[] {
    return [...this.seen.values()];
  }

  /** An answer was given, the n-th of the recording. */
  answer(): void {
    this.answered.push(this.order++);
  }

  /** Place of the n-th answer among all that was done. */
  orderOfAnswer(n: number): number {
    return this.answered[n] ?? Number.POSITIVE_INFINITY;
  }

  private hear(e: TraceEvent): void {
    if (e.kind === 'os.exec' && e.login !== 0) {
      const { argv } = e;
      // The shell of a terminal or of a script is nothing that somebody ran.
      if (e.first && argv[0] === 'bash' && (argv[1] === '-il' || argv[1] === '-c')) return;
      this.full ||= this.ran.length >= MAX_RAN;
      if (this.full) return;
      this.ran.push({ host: e.host, ns: e.ns, line: argv.join(' ').slice(0, MAX_LINE), time: e.time, order: this.order++ });
    } else if (e.kind === 'os.capture' && e.login !== 0) {
      const what = layersOf(e.frame);
      if (!what) return;
      const layers = what.layers.map((l) => `${l.proto} ${formatIp(l.src)} ${l.sport} ${formatIp(l.dst)} ${l.dport}`).join('/');
      const key = `${e.host}|${e.ns}|${e.dev}|${e.filter}|${what.encapsulation}|${what.vni}|${layers}`;
      const known = this.seen.get(key);
      if (known) known.count++;
      else if (this.seen.size < MAX_CAPTURED)
        this.seen.set(key, { host: e.host, ns: e.ns, dev: e.dev, filter: e.filter, ...what, count: 1 });
      else this.full = true;
    }
  }
}
