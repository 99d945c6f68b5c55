/** What programs see of netfilter: the tables with their extensions, connection tracking. */

export { Connection, type Direction } from './conntrack/connection.ts';
export { Conntrack, type CtEvent, type CtEventType, type CtStats } from './conntrack/conntrack.ts';
export { TCP_TIMEOUT, type TcpState, tcpTrack } from './conntrack/proto_tcp.ts';
export { connectionText, procConntrack, protoText, secondsLeft, tupleText } from './conntrack/text.ts';
export { invertTuple, type Tuple, tupleFamily } from './conntrack/tuple.ts';
export {
  type Dimension,
  type Element as SetElement,
  type IpSet,
  type IpSets,
  type Part as SetPart,
  SET_TYPES,
  type SetError,
  type SetOptions,
  type SetType,
} from './ipset/ipset.ts';
export { HOOKS, type Hook } from './netfilter.ts';
export { type DataType, TYPES as NFT_TYPES, typeByName, type Value as NftValue } from './nft/datatype.ts';
export { type Selector, selectorAt } from './nft/selector.ts';
export {
  Counter,
  type Item,
  itemHas,
  itemText,
  jump,
  limit as nftLimit,
  match,
  type NftSet,
  notrack,
  type Operand,
  type Statement,
  setMark,
  sortedItems,
  verdict,
  viaTarget,
} from './nft/statement.ts';
export { type BaseChain, type ChainType, NftChain, type NftFamily, type NftRule, NftTable, type NftTables } from './nft/tables.ts';
export type { NfTableChange, NfTraceStep } from './nftrace.ts';
export type { Chain } from './xt/chain.ts';
export { findMatch, findTarget } from './xt/ext/index.ts';
export { RecentLists } from './xt/ext/recent.ts';
export { type Ext, type ListCx, type MatchExt, type OptionSpec, type ParseCx, Problem, type TargetExt } from './xt/ext.ts';
export { protocolName, protocolNumber, serviceName, servicePort } from './xt/names.ts';
export { addressMask, mask as parseMask, number as parseNumber } from './xt/parse.ts';
export { type AddrMatch, emptyRule, type IfaceMatch, type Rule, type RuleSpec, type RuleTarget } from './xt/rule.ts';
export { type Flavour, isTableName, TABLES, type Table, type TableEdit, type TableName, type XtTables } from './xt/tables.ts';
