/** Counters of a link (`ip -s`, `-s -s`) in columns that grow with the numbers. Models print_stats64() */

import type { LinkMsg } from '../../../os/uapi.ts';
import type { Ctx } from '../ctx.ts';

function human(n: number): string {
  const units = ['', 'k', 'M', 'G', 'T'];
  let v = n;
  let u = 0;
  while (v >= 10000 && u < 4) {
    v /= 1000;
    u++;
  }
  return u === 0 ? String(n) : `${v.toFixed(v < 10 ? 2 : v < 100 ? 1 : 0)}${units[u]}`;
}

/** `more`: errors by kind; `changes`: how often the carrier came and went is known. */
export function printStats(ctx: Ctx, m: LinkMsg, more = ctx.stats > 1, changes = true): void {
  const { pr } = ctx;
  const s = m.stats;
  if (ctx.json) {
    jsonStats(ctx, m, more, changes);
    return;
  }
  const show = (n: number): string => (ctx.human ? human(n) : String(n));
  const rx = [s.rxBytes, s.rxPackets, s.rxErrors, s.rxDropped, 0, s.multicast];
  const tx = [s.txBytes, s.txPackets, s.txErrors, s.txDropped, s.txCarrier, 0];
  const rxErr = [0, 0, 0, 0, 0, 0];
  const txErr = [0, 0, 0, 0, 0, m.carrierChanges];
  const cols = [10, 7, 6, 7, 7, 7];
  for (const row of more ? [rx, rxErr, tx, txErr] : [rx, tx])
    row.forEach((n, i) => {
      cols[i] = Math.max(cols[i] as number, show(n).length);
    });
  const w = (i: number): number => cols[i] as number;
  const head = (title: string, names: readonly string[]): string =>
    `    ${title}: ${(names[0] as string).padStart(w(0) - 4)} ${names
      .slice(1)
      .map((n, i) => n.padStart(w(i + 1)))
      .join(' ')} ${' '.repeat(10)}${pr.sl}`;
  const row = (nums: readonly number[], from: number): string =>
    nums
      .slice(from)
      .map((n, i) => `${show(n).padStart(w(i + from))} `)
      .join('');
  let out = head('RX', ['bytes', 'packets', 'errors', 'dropped', 'missed', 'mcast']);
  out += `    ${row(rx, 0)}`;
  if (more) {
    const names = ['length', 'crc', 'frame', 'fifo', 'overrun'];
    out += `${pr.sl}    RX errors:${' '.repeat(w(0) - 10)} ${names.map((n, i) => n.padStart(w(i + 1))).join(' ')}${pr.sl}`;
    out += `${' '.repeat(w(0) + 5)}${row(rxErr, 1)}`;
  }
  out += pr.sl + head('TX', ['bytes', 'packets', 'errors', 'dropped', 'carrier', 'collsns']);
  out += `    ${row(tx, 0)}`;
  if (more) {
    const names = ['aborted', 'fifo', 'window', 'heartbt', changes ? 'transns' : ''];
    out += `${pr.sl}    TX errors:${' '.repeat(w(0) - 10)} ${names.map((n, i) => n.padStart(w(i + 1))).join(' ')}${pr.sl}`;
    out += `${' '.repeat(w(0) + 5)}${row(changes ? txErr : txErr.slice(0, 5), 1)}`;
  }
  pr.fp(out);
}

function jsonStats(ctx: Ctx, m: LinkMsg, more: boolean, changes: boolean): void {
  const { pr } = ctx;
  const s = m.stats;
  const group = (name: string, fields: readonly (readonly [string, number])[]): void => {
    pr.openObject(name);
    for (const [k, v] of fields) pr.jsonOnly(k, v);
    pr.closeObject();
  };
  pr.openObject('stats64');
  group('rx', [
    ['bytes', s.rxBytes],
    ['packets', s.rxPackets],
    ['errors', s.rxErrors],
    ['dropped', s.rxDropped],
    ['over_errors', 0],
    ['multicast', s.multicast],
    ...(more
      ? ([
          ['length_errors', 0],
          ['crc_errors', 0],
          ['frame_errors', 0],
          ['fifo_errors', 0],
          ['missed_errors', 0],
        ] as const)
      : []),
  ]);
  group('tx', [
    ['bytes', s.txBytes],
    ['packets', s.txPackets],
    ['errors', s.txErrors],
    ['dropped', s.txDropped],
    ['carrier_errors', s.txCarrier],
    ['collisions', 0],
    ...(more
      ? ([
          ['aborted_errors', 0],
          ['fifo_errors', 0],
          ['window_errors', 0],
          ['heartbeat_errors', 0],
          ...(changes ? ([['carrier_changes', m.carrierChanges]] as const) : []),
        ] as const)
      : []),
  ]);
  pr.closeObject();
}
