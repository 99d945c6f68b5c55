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
export type { NftChange, NftCommit, NftRefusal } from './nft/changes.ts';
export type { DataType, Names, Style as NftStyle, Value as NftValue } from './nft/datatype.ts';
export type * from './nft/expr.ts';
export type { Base as PayloadBase, ExtHeader, ExtKind, Field, Proto } from './nft/proto.ts';
export type { NftSet, SetElem, SetSpec, Span } from './nft/set.ts';
export type * from './nft/stmt.ts';
export type { BaseChain, ChainType, Flowtable, NftChain, NftFamily, NftHook, NftObject, NftRule, NftTable, ObjSpec } from './nft/table.ts';
export type { NftTables } from './nft/tables.ts';
export type { NftTrace, TracedPacket, TraceSink } from './nft/trace.ts';
export type { NfTableChange, NfTraceStep } from './nftrace.ts';
export type { Chain } from './xt/chain.ts';
export { NfAccounts, type NfAcct } from './xt/ext/nfacct.ts';
export { RecentLists } from './xt/ext/recent.ts';
export { findMatch, findTarget } from './xt/ext/registry.ts';
export { type Ext, isMissing, type ListCx, type MatchExt, type OptionSpec, type ParseCx, Problem, type TargetExt } from './xt/ext.ts';
export { protocolName, protocolNumber, serviceName, servicePort } from './xt/names.ts';
export { addressMask, mask as parseMask, number as parseNumber } from './xt/parse.ts';
export { type AddrMatch, emptyRule, type IfaceMatch, type Rule, type RuleSpec, type RuleTarget } from './xt/rule.ts';
export { type Flavour, isTableName, TABLES, type Table, type TableEdit, type TableName, type XtTables } from './xt/tables.ts';
