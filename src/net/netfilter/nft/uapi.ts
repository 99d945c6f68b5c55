/** What the nft tool sees of nftables: types of values, headers, keys, sets. */

export {
  bitsOf,
  civil,
  concatType,
  type DataType,
  formatDuration,
  fromBig,
  type Names,
  type Parsed,
  parseDuration,
  parseNumber,
  parseValue,
  printNumber,
  printValue,
  type Style,
  sameType,
  sized,
  TYPES,
  typeByName,
} from './datatype.ts';
export {
  CT_KEYS,
  FIB_RESULTS,
  keyOf,
  META_ALIAS,
  META_BARE,
  META_KEYS,
  META_UNQUALIFIED,
  RT_KEYS,
  SOCKET_KEYS,
  XFRM_KEYS,
} from './keys.ts';
export { EXT_KINDS, fieldOf, ICMP_NEEDS, l4Proto, numberInLower, PROTOS, protoByName, TCPOPT_ALIAS, upperProto } from './proto.ts';
export { compareValues, DYNAMIC_SIZE, NftSet, overlap, sameSpans, spansOf } from './set.ts';
