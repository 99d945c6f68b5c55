/** A world as a picture shows it, and what happens to its packets: plain values that can be posted. */

/** A network namespace: a machine's own, a pod's, or a named one. */
export interface SpaceView {
  /** `HOST`, or `HOST/NETNS` for a namespace with a name. */
  readonly id: string;
  readonly host: string;
  /** How people call it: `node-1`, `pod web-a`. */
  readonly title: string;
  readonly kind: 'node' | 'pod' | 'netns' | 'outside' | 'router' | 'switch';
  /** What a terminal there is opened with; null where the learner has no way in. */
  readonly place: string | null;
  /** Of a pod: its Kubernetes namespace. */
  readonly namespace: string | null;
  readonly devices: readonly DeviceView[];
}

/** A device elsewhere. */
export interface End {
  readonly space: string;
  readonly dev: string;
}

export interface DeviceView {
  readonly name: string;
  /** Linux's own word: `veth`, `bridge`, `vxlan`, `ether`, `loopback` … */
  readonly kind: string;
  readonly up: boolean;
  readonly carrier: boolean;
  readonly mac: string;
  readonly mtu: number;
  /** With their prefix lengths. */
  readonly addrs: readonly string[];
  /** Name of the bridge that it is a port of. */
  readonly master: string | null;
  /** Other end of a cable or a veth pair. */
  readonly peer: End | null;
  /** Device of the same space that it stands on: of a VLAN, a macvlan, a VXLAN with `dev`. */
  readonly lower: string | null;
  /** Of a tunnel: the devices that it sends to, as forwarding database and routes have it. */
  readonly ends: readonly End[];
  /** What is set up on it: `VXLAN 1, UDP 8472`. */
  readonly detail: string;
}

/** A Service: its address is nobody's, so it is drawn beside what answers for it. */
export interface ServiceView {
  /** `NAMESPACE/NAME`. */
  readonly id: string;
  readonly type: string;
  readonly addresses: readonly string[];
  /** `80/TCP`, `80:30080/TCP`. */
  readonly ports: readonly string[];
  /** Spaces of the endpoints that are ready. */
  readonly endpoints: readonly string[];
}

export interface Topology {
  readonly spaces: readonly SpaceView[];
  readonly services: readonly ServiceView[];
}

export type TrafficKind = 'tx' | 'rx' | 'deliver' | 'drop' | 'hook' | 'route' | 'nat' | 'neigh' | 'ct';

/** One thing that happened to one packet. */
export interface TrafficEvent {
  /** Grows with every event since watching began; gaps are events that were left out. */
  readonly seq: number;
  /** Virtual µs. */
  readonly time: number;
  readonly skb: number;
  /** The packet that this one was copied or made from; 0: none. */
  readonly parent: number;
  /** The first of its line: what a packet is to the inspector, whatever copies were made of it. */
  readonly root: number;
  /** Id of the space. */
  readonly space: string;
  /** Empty where no device takes part. */
  readonly dev: string;
  readonly what: TrafficKind;
  /** Innermost protocol. */
  readonly proto: 'arp' | 'icmp' | 'tcp' | 'udp' | 'other';
  /** `10.244.1.9:40000 -> 10.244.2.7:8080 TCP SYN` of the innermost packet, as far as it is known here. */
  readonly label: string;
  /** Headers around the innermost packet: `vxlan`, `ipip` …, from the outside in. */
  readonly tunnels: readonly string[];
  /** What the kind says beyond that: rule and verdict, next hop, rewriting, reason of a drop in words. */
  readonly text: string;
}
