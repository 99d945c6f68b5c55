/** Why packets are dropped, in words: what happened, and what there is to understand about it. */

import { ruleText } from '../probe/evidence.ts';

export interface Reason {
  /** What happened, for a heading. */
  readonly what: string;
  /** What to know about it. */
  readonly why: string;
}

const REASONS: Readonly<Record<string, Reason>> = {
  NEIGH_FAILED: {
    what: 'nobody answered ARP for the next hop',
    why: 'The route named a next hop on this link, and no host there said that it has this address. Either nobody has it, or the link does not reach who has it.',
  },
  NEIGH_QUEUEFULL: {
    what: 'too many packets wait for the same ARP answer',
    why: 'While the MAC address of a next hop is unknown only a few packets wait for it; the oldest one is given up.',
  },
  NEIGH_DEAD: {
    what: 'the neighbour entry was removed',
    why: 'The packet waited for a MAC address when the entry or its device went away.',
  },
  NO_ROUTE: {
    what: 'no route leads to the destination',
    why: 'No entry of the routing tables that the rules lead to covers this address, and there is no default route. A router says so with ICMP "network unreachable".',
  },
  ROUTE_UNREACHABLE: {
    what: 'the route says unreachable',
    why: 'An unreachable route refuses the packet on purpose and answers with ICMP "host unreachable".',
  },
  ROUTE_PROHIBIT: {
    what: 'the route says prohibit',
    why: 'A prohibit route refuses the packet on purpose and answers with ICMP "administratively prohibited".',
  },
  BLACKHOLE: { what: 'the route is a blackhole', why: 'A blackhole route drops without a word: the sender hears nothing and waits.' },
  NOT_FORWARDING: {
    what: 'this host does not forward',
    why: 'The packet is for another host, and forwarding (net.ipv4.ip_forward) is off here: Linux is a host and no router until it is told otherwise.',
  },
  TTL_EXCEEDED: {
    what: 'its time to live ran out',
    why: 'Every router takes one off the TTL and drops the packet at zero, saying so with ICMP "time exceeded". traceroute lives on that; otherwise it is a sign of a loop.',
  },
  PKT_TOO_BIG: {
    what: 'it is larger than the MTU of the way out',
    why: 'It may not be fragmented, so the sender is told the size that fits (ICMP "fragmentation needed"). Where that message is lost, connections hang as soon as they send much.',
  },
  RP_FILTER: {
    what: 'the reverse path check (rp_filter) failed',
    why: 'Strict rp_filter asks: would I send to this source by the device that this packet came in by? The route back leads by another device, so the source is taken for a forged one.',
  },
  MARTIAN_SOURCE: {
    what: 'its source address cannot be',
    why: 'The source is one of this host itself, or one that never travels, yet the packet came from outside.',
  },
  MARTIAN_DESTINATION: {
    what: 'its destination address may not be used here',
    why: 'Addresses like 127.0.0.0/8 never leave a host, and a packet from outside may not name them.',
  },
  MULTICAST_NOT_JOINED: {
    what: 'nobody here joined its multicast group',
    why: 'Group addresses are taken in only where a program or protocol has joined the group.',
  },
  OTHERHOST: {
    what: "the frame is for another host's MAC address",
    why: 'A card takes frames for its own MAC address, broadcasts and groups. A switch that does not know an address floods, so others see the frame and leave it.',
  },
  NOT_FOR_ME: { what: 'it is for another host', why: 'It was sent here by a broadcast, but its IP address is another one.' },
  DEV_DOWN: { what: 'the device is down', why: 'A device that is not up neither sends nor receives.' },
  NO_CARRIER: {
    what: 'the cable has no other end that is up',
    why: 'Without a carrier nothing leaves: the peer of the veth pair or cable is down or gone.',
  },
  VXLAN_VNI_NOT_FOUND: {
    what: 'no tunnel of this host has its network number',
    why: 'The VNI in the VXLAN header names the virtual network. No VXLAN device here has that number on this port, so nobody unwraps it.',
  },
  VXLAN_NO_REMOTE: {
    what: 'the tunnel does not know behind which host the MAC address is',
    why: 'A VXLAN device sends by its forwarding database (bridge fdb): the inner destination MAC names the outer address. There is no entry for it, and none for what is unknown.',
  },
  VXLAN_INVALID_SOURCE: {
    what: "the frame has the tunnel device's own MAC address as its source",
    why: 'A frame that comes back to the device that sent it went in a circle.',
  },
  GENEVE_VNI_NOT_FOUND: {
    what: 'no tunnel of this host has its network number',
    why: 'The VNI in the Geneve header is that of no device here.',
  },
  NO_TUNNEL: {
    what: 'no tunnel device here is for it',
    why: 'The outer addresses of the packet are those of no tunnel that is set up on this host.',
  },
  TUNNEL_NO_REMOTE: {
    what: 'the tunnel has no other end',
    why: 'Neither the device nor the route names the address to send the outer packet to.',
  },
  TUNNEL_LOOP: { what: 'the tunnel would send into itself', why: 'The route to the outer address leads by the tunnel device itself.' },
  RECURSION: {
    what: 'devices hand it round in a circle',
    why: 'Virtual devices that send by each other would never end; the kernel stops after a few rounds.',
  },
  CONNTRACK_FULL: {
    what: 'the connection table is full',
    why: 'nf_conntrack_max connections are tracked; new ones are dropped until old ones time out.',
  },
  CONNTRACK_CLASH: {
    what: 'another packet of the same connection was tracked at the same moment',
    why: 'Two packets made the same new entry at once, and only one of them can be kept.',
  },
  IPVS_NO_SERVER: {
    what: 'the IPVS service has no server',
    why: 'The virtual service exists, but no real server with a weight is behind it.',
  },
  IPVS_SERVER_GONE: {
    what: 'the IPVS server of this connection is gone',
    why: 'The connection was bound to a real server that has been taken away.',
  },
  BRIDGE_NO_PORT: { what: 'the bridge has no other port for it', why: 'A bridge never sends a frame back by the port that it came from.' },
  BRIDGE_SAME_PORT: {
    what: 'it would leave the bridge by the port that it came in by',
    why: 'That is only done on ports with hairpin mode.',
  },
  BRIDGE_PORT_BLOCKED: { what: 'the bridge port is blocked', why: 'The port is not in the forwarding state (spanning tree, or set so).' },
  BRIDGE_PORT_DISABLED: { what: 'the bridge port is disabled', why: 'The port is not in the forwarding state.' },
  BRIDGE_INGRESS_VLAN: {
    what: 'the bridge port does not take this VLAN',
    why: 'With VLAN filtering a port takes only the VLANs that it is a member of.',
  },
  BRIDGE_EGRESS_VLAN: {
    what: 'no bridge port is a member of its VLAN',
    why: 'With VLAN filtering a frame leaves only by members of its VLAN.',
  },
  IP_NOPROTO: {
    what: 'nobody here speaks its protocol',
    why: 'The kernel has no handler for the IP protocol number and says so with ICMP "protocol unreachable".',
  },
  IP_CSUM: { what: 'its IP checksum is wrong', why: 'A header whose checksum does not fit was damaged.' },
  IP_INHDR: { what: 'its IP header is malformed', why: 'Lengths or version of the header do not fit the packet.' },
  ICMP_ECHO_IGNORED: {
    what: 'this host ignores echo requests',
    why: 'net.ipv4.icmp_echo_ignore_all, or icmp_echo_ignore_broadcasts for a broadcast, is set.',
  },
  FRAG_REASM_TIMEOUT: { what: 'not all fragments arrived in time', why: 'Fragments wait 30 seconds for the others.' },
  EACCES: { what: 'the sender itself forbids it', why: 'A route or rule of the sending host prohibits the destination.' },
  UNHANDLED_PROTO: { what: 'nobody here speaks its protocol', why: 'No handler is registered for its EtherType.' },
  BEYOND_SCOPE: { what: 'its address does not reach beyond its link', why: 'Link-local addresses are never forwarded.' },
};

/** Of a rule that rejects, what that looks like from outside. */
export function reasonOf(reason: string, rejects = false): Reason {
  if (reason.startsWith('NETFILTER ')) {
    const rest = reason.slice(10);
    const loop = / (LOOP|QUEUE)$/.exec(rest);
    const place = ruleText(rest.replace(/ (LOOP|QUEUE)$/, ''));
    if (loop?.[1] === 'LOOP') return { what: `${place} jumps too deep`, why: 'Chains may call one another only sixteen deep.' };
    if (loop) return { what: `${place} hands it to a program`, why: 'Nothing listens at the queue, so the packet is gone.' };
    if (/ policy$/.test(rest))
      return {
        what: `dropped by ${place}`,
        why: 'No rule of the chain decided over the packet, so the policy did. What is to pass needs a rule before the end of the chain.',
      };
    return rejects
      ? {
          what: `rejected by ${place}`,
          why: 'REJECT drops the packet and tells the sender at once, so a program fails fast with an error.',
        }
      : { what: `dropped by ${place}`, why: 'DROP says nothing to the sender, so a program waits until it gives up.' };
  }
  return REASONS[reason] ?? { what: `dropped: ${reason}`, why: '' };
}

/** Drops of copies that were for nobody. */
export function isAside(reason: string): boolean {
  return /^(OTHERHOST|BRIDGE_NO_PORT|BRIDGE_SAME_PORT|BRIDGE_LOCAL_MAC|BRIDGE_LINK_LOCAL|NOT_FOR_ME|ARP_|MULTICAST_NOT_JOINED|INVALID_SOURCE_MAC)/.test(
    reason,
  );
}
