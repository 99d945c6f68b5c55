/** Names that kube-proxy gives to chains and sets. Models pkg/proxy/iptables/proxier.go portProtoHash(), pkg/proxy/nftables/proxier.go hashAndTruncate() */

import { base32, sha256 } from '../sha256.ts';

/** Hashes are asked for again at every sync and on every node. */
const MAX_REMEMBERED = 200_000;
const remembered = new Map<string, string>();

function hash(text: string): string {
  const known = remembered.get(text);
  if (known !== undefined) return known;
  if (remembered.size >= MAX_REMEMBERED) remembered.clear();
  const made = base32(sha256(text)).slice(0, 16);
  remembered.set(text, made);
  return made;
}

/** The 16 characters after KUBE-SVC-, KUBE-SVL-, KUBE-EXT-, KUBE-FW- and, with an endpoint, KUBE-SEP-. */
export function chainHash(servicePortName: string, protocol: string, endpoint = ''): string {
  return hash(servicePortName + protocol + endpoint);
}

/** NFT_NAME_MAXLEN less one, less what a prefix may take. */
const NFT_BASE_MAX = 256 - 1 - 16;

function hashAndTruncate(name: string): string {
  const full = `${hash(name).slice(0, 8)}-${name}`;
  return full.length > NFT_BASE_MAX ? `${full.slice(0, NFT_BASE_MAX - 3)}...` : full;
}

/** What follows `service-`, `local-`, `external-` and `firewall-`. */
export function nftServiceBase(namespace: string, name: string, protocol: string, port: string): string {
  return hashAndTruncate(`${namespace}/${name}/${protocol}/${port}`);
}

/** What follows `endpoint-` and `affinity-`. */
export function nftEndpointBase(namespace: string, name: string, protocol: string, port: string, ip: string, endpointPort: number): string {
  return hashAndTruncate(`${namespace}/${name}/${protocol}/${port}__${ip.replaceAll(':', '.')}/${endpointPort}`);
}

const SERVICE_CHAIN = /^KUBE-(SVC|SVL|SEP|FW|EXT)-/;

/** A chain of one Service or endpoint, which goes when nothing needs it any more. */
export function isServiceChain(name: string): boolean {
  return SERVICE_CHAIN.test(name);
}
