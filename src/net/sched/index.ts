/** Traffic control as programs use it. */

export * from './api.ts';
export { Fifo, PfifoFast } from './fifo.ts';
export type { Action, FilterBlock, FilterNode, FilterRequest, Proto } from './filter.ts';
export { FqCodel } from './fqcodel.ts';
export { Htb, type HtbClass } from './htb.ts';
export { NETEM_DIST_SCALE, Netem } from './netem.ts';
export type * from './options.ts';
export { Prio } from './prio.ts';
export { major, minor, type Qdisc, TC_H_CLSACT_EGRESS, TC_H_CLSACT_INGRESS, TC_H_INGRESS, TC_H_ROOT } from './qdisc.ts';
export type { RateSpec } from './rate.ts';
export { Tbf } from './tbf.ts';
