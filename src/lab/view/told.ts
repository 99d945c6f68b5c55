/** What the inspector asks about a running world, and what it is told: plain values that can be posted. */

export interface FieldView {
  readonly name: string;
  readonly value: string;
  /** Where it lies in the bytes. */
  readonly at: number;
  readonly size: number;
}

/** One header, or the data behind the last one. */
export interface LayerView {
  readonly name: string;
  readonly at: number;
  readonly size: number;
  readonly fields: readonly FieldView[];
}

export interface Change {
  readonly layer: string;
  readonly field: string;
  readonly before: string;
  readonly after: string;
}

export interface HeaderDiff {
  readonly removed: readonly LayerView[];
  readonly added: readonly LayerView[];
  readonly changed: readonly Change[];
}

/** Number of a rule or route among those that were shown; 0: none. */
export type Ref = number;

export type StepKind = 'in' | 'out' | 'rule' | 'policy' | 'nat' | 'route' | 'neigh' | 'wrap' | 'unwrap' | 'deliver' | 'drop';

export interface StepView {
  readonly kind: StepKind;
  readonly time: number;
  /** PREROUTING … POSTROUTING where netfilter had it. */
  readonly hook: string;
  readonly dev: string;
  /** As people say it. */
  readonly text: string;
  /** The rule, route or entry as Linux's own tools print it. */
  readonly code: string;
  /** What more there is to know: why it was dropped, which rule of policy routing chose the table. */
  readonly more: string;
  readonly ref: Ref;
  /** Table and chain of a rule; empty otherwise. */
  readonly table: string;
  readonly chain: string;
  /** Goes on to another chain, or is a policy that accepts: of interest to few. */
  readonly minor: boolean;
}

/** A packet's stay in one namespace. */
export interface HopView {
  readonly space: string;
  /** As people call it: `node-1`, `pod web-a`. */
  readonly title: string;
  readonly began: number;
  readonly ended: number;
  readonly steps: readonly StepView[];
  readonly before: readonly LayerView[];
  /** As it left; null when it stayed. */
  readonly after: readonly LayerView[] | null;
  readonly diff: HeaderDiff;
  /** Lines of `conntrack -L` as the packet left, of itself and of what it was wrapped in. */
  readonly conntrack: readonly string[];
  readonly end: 'sent' | 'delivered' | 'dropped' | 'seen';
  /** A copy that was for nobody here. */
  readonly aside: boolean;
}

/** Bytes at one device. */
export interface CaptureView {
  readonly seq: number;
  readonly time: number;
  readonly space: string;
  readonly title: string;
  readonly dev: string;
  readonly way: 'in' | 'out';
  readonly length: number;
}

export type Verdict = 'delivered' | 'dropped' | 'under way';

export interface PacketLine {
  /** The first skb of its line. */
  readonly root: number;
  readonly time: number;
  /** As `tcpdump -n` prints it where it began, or where it arrived when it is an answer. */
  readonly text: string;
  readonly flow: number;
  readonly verdict: Verdict;
  /** Why it was dropped, in few words. */
  readonly reason: string;
  /** Where it began. */
  readonly from: string;
  /** A program of the learner sent it, or it answers one. */
  readonly own: boolean;
  /** Its addresses or ports were rewritten on the way. */
  readonly rewritten: boolean;
}

export interface FlowLine {
  readonly flow: number;
  readonly label: string;
  readonly packets: number;
  readonly dropped: number;
  readonly bytes: number;
  readonly began: number;
  readonly last: number;
  readonly own: boolean;
  readonly rewritten: boolean;
}

export interface JourneyView {
  readonly line: PacketLine;
  readonly hops: readonly HopView[];
  /** Copies for nobody, as a count. */
  readonly asides: number;
  readonly captures: readonly CaptureView[];
  /** The packet that made a host send this one. */
  readonly cause: PacketLine | null;
  /** What hosts sent because of it: answers, errors, questions for addresses. */
  readonly caused: readonly PacketLine[];
  /** How it ended, as people say it. */
  readonly end: string;
  readonly why: string;
}

export interface RuleLine {
  readonly ref: Ref;
  /** As `iptables -S` or `nft list` prints it. */
  readonly text: string;
  /** Null for nft rules without a counter. */
  readonly packets: number | null;
  /** How many of the packets that are kept it touched. */
  readonly hits: number;
}

export interface ChainLine {
  readonly name: string;
  readonly policy: string;
  readonly rules: readonly RuleLine[];
}

export interface TableLine {
  /** `iptables nat`, `nft inet t`, `routes main`. */
  readonly title: string;
  readonly chains: readonly ChainLine[];
}

export interface Listing {
  readonly version: number;
  readonly packets: readonly PacketLine[];
  readonly flows: readonly FlowLine[];
  /** Packets kept, and those that fit the filter. */
  readonly kept: number;
  readonly found: number;
  /** Older ones that were forgotten. */
  readonly forgotten: number;
  /** What tcpdump says of the filter; empty when it is one. */
  readonly error: string;
}

export interface ListAsk {
  /** In tcpdump's language. */
  readonly filter: string;
  /** Packets of one flow only; 0: of all. */
  readonly flow: number;
  /** Packets that a rule or route touched; 0: all. */
  readonly ref: Ref;
  /** Only what the learner's programs sent and what answers it. */
  readonly own: boolean;
  /** The last so many. */
  readonly max: number;
}

export type Ask =
  | ({ readonly what: 'list' } & ListAsk)
  | { readonly what: 'journey'; readonly root: number }
  | { readonly what: 'bytes'; readonly root: number; readonly seq: number }
  | { readonly what: 'rules'; readonly space: string }
  | { readonly what: 'describe'; readonly ref: Ref }
  | ({ readonly what: 'pcap'; readonly space: string; readonly dev: string } & ListAsk)
  | { readonly what: 'clear' };

export interface Spaces {
  readonly spaces: readonly { readonly id: string; readonly title: string }[];
}

export interface Bytes {
  readonly bytes: Uint8Array;
  readonly layers: readonly LayerView[];
}

export interface Rules {
  readonly version: number;
  readonly tables: readonly TableLine[];
  /** Rules beyond those that are shown. */
  readonly left: number;
}

/** Where a rule or route is, in words. */
export interface Described {
  readonly text: string;
  readonly place: string;
}

export interface Pcap {
  readonly name: string;
  readonly packets: number;
  readonly bytes: Uint8Array;
}

export interface Told {
  readonly list: Listing;
  readonly journey: JourneyView | null;
  readonly bytes: Bytes | null;
  readonly rules: Rules;
  readonly describe: Described | null;
  readonly pcap: Pcap;
  readonly clear: null;
}
