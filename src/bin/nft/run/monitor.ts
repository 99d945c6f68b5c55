/** nft monitor: changes as they are committed, and traced packets. Models nftables/src/monitor.c */

import type { Process } from '../../../os/process.ts';
import type { Format } from '../print/expr.ts';
import type { Monitored } from './executor.ts';

export function* monitor(p: Process, what: Monitored, f: Format) {
  void what;
  void f;
  yield* p.err('nft: monitor is not emulated\n');
  return 1;
}
