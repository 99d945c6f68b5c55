/** What connection tracking knew of a connection at one moment: entries go on changing, what is shown of the past must not. */

import type { Connection, CtInfo } from '../../net/netfilter/conntrack/connection.ts';
import { connectionText } from '../../net/netfilter/conntrack/text.ts';
import type { Micros } from '../../sim/sim.ts';

export interface CtAt {
  readonly ct: Connection;
  readonly info: CtInfo | null;
  readonly now: Micros;
  /** In the table: `conntrack -L` shows it. */
  readonly confirmed: boolean;
  readonly text: () => string;
}

export function ctAt(ct: Connection, info: CtInfo | null, now: Micros): CtAt {
  const { expires, seenReply, assured, mark, reply, confirmed } = ct;
  const state = ct.tcp?.state;
  return {
    ct,
    info,
    now,
    confirmed,
    /** As `conntrack -L` prints it. */
    text() {
      const then: Connection = Object.assign(Object.create(ct), { expires, seenReply, assured, mark, reply });
      if (ct.tcp) then.tcp = Object.assign(Object.create(ct.tcp), { state });
      return connectionText(then, { now, layer3: false, timeout: true, state: true, counters: false, mark: true, zone: 'given', use: 1 });
    },
  };
}
