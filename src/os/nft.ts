/** What the nft tool uses of nftables: its own door, because a page has its prompt before nft is loaded. */

export * from '../net/netfilter/nft/uapi.ts';
