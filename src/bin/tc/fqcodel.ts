/** fq_codel on the command line. Models tc/q_fq_codel.c */

import * as tc from '../../os/tc.ts';
import { unsigned } from '../ip/lib/args.ts';
import { bad, type QdiscKind } from './common.ts';
import { parseSize, parseTime, showSize, showTime } from './units.ts';

const USAGE = `Usage: ... fq_codel	[ limit PACKETS ] [ flows NUMBER ]
[ memory_limit BYTES ]
[ target TIME ] [ interval TIME ]
[ quantum BYTES ] [ [no]ecn ]
[ ce_threshold TIME ]
[ ce_threshold_selector VALUE/MASK ]
[ drop_batch SIZE ]
`;

function illegal(what: string): never {
  bad(`Illegal "${what}"\n`);
}

export const fqCodel: QdiscKind = {
  parse(_ctx, a) {
    const o: { -readonly [K in keyof tc.FqCodelOptions]: tc.FqCodelOptions[K] } = { kind: 'fq_codel' };
    for (; a.more; a.step()) {
      if (a.is('limit')) o.limit = unsigned(a.next()) ?? illegal('limit');
      else if (a.is('flows')) o.flows = unsigned(a.next()) ?? illegal('flows');
      else if (a.is('quantum')) o.quantum = unsigned(a.next()) ?? illegal('quantum');
      else if (a.is('drop_batch')) o.dropBatch = unsigned(a.next()) ?? illegal('drop_batch');
      else if (a.is('target')) o.target = parseTime(a.next()) ?? illegal('target');
      else if (a.is('ce_threshold')) o.ceThreshold = parseTime(a.next()) ?? illegal('ce_threshold');
      else if (a.is('ce_threshold_selector')) bad('tc: fq_codel ce_threshold_selector: not emulated\n');
      else if (a.is('memory_limit')) o.memoryLimit = parseSize(a.next()) ?? illegal('memory_limit');
      else if (a.is('interval')) o.interval = parseTime(a.next()) ?? illegal('interval');
      else if (a.is('ecn')) o.ecn = true;
      else if (a.is('noecn')) o.ecn = false;
      else bad(a.is('help') ? USAGE : `What is "${a.word}"?\n${USAGE}`);
    }
    for (const key of ['limit', 'flows', 'quantum', 'interval', 'target', 'dropBatch'] as const) if (o[key] === 0) delete o[key];
    return o;
  },
  print(ctx, q) {
    if (!(q instanceof tc.FqCodel)) return;
    const { pr } = ctx;
    pr.any('limit', q.limit, `limit ${q.limit}p `);
    pr.any('flows', q.flowCount, `flows ${q.flowCount} `);
    pr.any('quantum', q.quantum, `quantum ${q.quantum} `);
    pr.any('target', q.target, `target ${showTime(q.target)} `);
    if (q.ceThreshold !== null) pr.any('ce_threshold', q.ceThreshold, `ce_threshold ${showTime(q.ceThreshold)} `);
    pr.any('interval', q.interval, `interval ${showTime(q.interval)} `);
    pr.any('memory_limit', q.memoryLimit, `memory_limit ${showSize(q.memoryLimit)} `);
    if (q.ecn) pr.any('ecn', true, 'ecn ');
    if (q.dropBatch) pr.any('drop_batch', q.dropBatch, `drop_batch ${q.dropBatch} `);
  },
  printXstats(ctx, q) {
    if (!(q instanceof tc.FqCodel)) return;
    const { pr } = ctx;
    pr.any('maxpacket', q.maxPacket, `  maxpacket ${q.maxPacket}`);
    pr.any('drop_overlimit', q.dropOverlimit, ` drop_overlimit ${q.dropOverlimit}`);
    pr.any('new_flow_count', q.newFlowCount, ` new_flow_count ${q.newFlowCount}`);
    pr.any('ecn_mark', q.ecnMark, ` ecn_mark ${q.ecnMark}`);
    if (q.ceMark) pr.any('ce_mark', q.ceMark, ` ce_mark ${q.ceMark}`);
    pr.nl();
    pr.any('new_flows_len', q.newFlows.length, `  new_flows_len ${q.newFlows.length}`);
    pr.any('old_flows_len', q.oldFlows.length, ` old_flows_len ${q.oldFlows.length}`);
  },
};
