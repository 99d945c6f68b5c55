/** The course map: modules and lessons in order; the sidebar, the home page and the breadcrumbs read it. */

export interface Lesson {
  readonly number: string;
  readonly title: string;
  /** Path below content/ without ending; absent while the lesson is not written. */
  readonly slug?: string;
}

export interface Module {
  readonly id: string;
  readonly title: string;
  readonly question: string;
  readonly lessons: readonly Lesson[];
}

export const modules: readonly Module[] = [
  {
    id: 'M0',
    title: 'The Linux you need',
    question: 'What does a node do with a packet?',
    lessons: [
      { number: '0.1', title: 'Five conversations, one model', slug: '00-start/five-conversations' },
      { number: '0.2', title: 'Interfaces, addresses, routes, ARP' },
      { number: '0.3', title: 'Namespaces, veth, bridges' },
      { number: '0.4', title: 'Netfilter and conntrack', slug: '00-start/netfilter-and-conntrack' },
    ],
  },
  {
    id: 'M1',
    title: 'Container to container',
    question: 'What do the containers of one pod share?',
    lessons: [
      { number: '1.1', title: 'The pod sandbox', slug: '01-container-to-container/pod-sandbox' },
      { number: '1.2', title: 'IPC, volumes, processes' },
      { number: '1.3', title: 'Sidecars, hostNetwork, hostPort' },
    ],
  },
  {
    id: 'M2',
    title: 'Pod to pod',
    question: 'How does one pod reach another?',
    lessons: [
      { number: '2.1', title: 'IP per pod' },
      { number: '2.2', title: 'Same node: veth, bridge, switch', slug: '02-pod-to-pod/same-node' },
      { number: '2.3', title: 'Routes between nodes: host-gw and BGP' },
      { number: '2.4', title: 'Overlays and MTU', slug: '02-pod-to-pod/overlays-and-mtu' },
      { number: '2.5', title: 'Node to pod, forwarding, filters' },
    ],
  },
  {
    id: 'M3',
    title: 'Pod to Service',
    question: 'Who answers at an address that nobody has?',
    lessons: [
      { number: '3.1', title: 'Services, labels, EndpointSlices' },
      { number: '3.2', title: 'kube-proxy in iptables mode', slug: '03-pod-to-service/kube-proxy-iptables' },
      { number: '3.3', title: 'Conntrack, masquerade, hairpin' },
      { number: '3.4', title: 'Proxy modes, from userspace to eBPF' },
      { number: '3.5', title: 'Headless and ExternalName Services' },
      { number: '3.6', title: 'Health, termination, topology' },
    ],
  },
  {
    id: 'M4',
    title: 'The world to a Service',
    question: 'How does a request get in?',
    lessons: [
      { number: '4.1', title: 'NodePort and externalTrafficPolicy' },
      { number: '4.2', title: 'LoadBalancer, health checks, source IP' },
      { number: '4.3', title: 'Ingress: hosts, paths, classes', slug: '04-external-to-service/ingress' },
      { number: '4.4', title: 'TLS, SNI, virtual hosting' },
      { number: '4.5', title: 'Gateway API and migration' },
    ],
  },
  {
    id: 'M5',
    title: 'Pod to the world',
    question: 'Whose address leaves the cluster?',
    lessons: [
      { number: '5.1', title: 'Egress and masquerade', slug: '05-pod-to-external/egress-and-masquerade' },
      { number: '5.2', title: 'SNAT limits and egress gateways' },
      { number: '5.3', title: 'Securing egress' },
    ],
  },
  {
    id: 'M6',
    title: 'DNS',
    question: 'Why eight queries for one name?',
    lessons: [{ number: '6.1-6.3', title: 'CoreDNS, ndots, DNS under load' }],
  },
  {
    id: 'M7',
    title: 'CNI',
    question: 'Who plugs the cable in?',
    lessons: [{ number: '7.1-7.4', title: 'The contract, IPAM, plugins, your own' }],
  },
  {
    id: 'M8',
    title: 'NetworkPolicy',
    question: 'Who may talk to whom?',
    lessons: [{ number: '8.1-8.3', title: 'Isolation, rules, enforcement' }],
  },
  {
    id: 'M9',
    title: 'Service mesh',
    question: 'What does a proxy beside each pod change?',
    lessons: [{ number: '9.1-9.2', title: 'Interception, identity, traffic' }],
  },
  {
    id: 'M10',
    title: 'Troubleshooting',
    question: 'Where did the packet die?',
    lessons: [{ number: '10.1-10.3', title: 'A method, signatures, real outages' }],
  },
  {
    id: 'M11',
    title: 'Capstones',
    question: 'Can you do it without a map?',
    lessons: [{ number: '11.1', title: 'On call' }],
  },
];

type Written = Lesson & { readonly slug: string };

const written = (module: Module) => module.lessons.filter((l): l is Written => l.slug !== undefined);

/** All lessons that can be read today, in the course's order. */
export const path: readonly Written[] = modules.flatMap(written);

/** Starlight's sidebar: only what can be read today. */
export const sidebar = modules
  .filter((m) => written(m).length > 0)
  .map((m) => ({
    label: `${m.id} ${m.title}`,
    items: written(m).map((l) => ({ label: `${l.number} ${l.title}`, slug: l.slug })),
  }));

export function placeOf(slug: string): { module: Module; lesson: Lesson } | undefined {
  for (const module of modules) {
    const lesson = module.lessons.find((l) => l.slug === slug);
    if (lesson) return { module, lesson };
  }
  return undefined;
}

/** A stage of the way through the five types of communication: who talks to whom in the course's cluster, and the lessons on it. */
export interface Stage {
  readonly name: string;
  readonly from: string;
  readonly to: string;
  readonly lessons: readonly string[];
}

export const way: readonly Stage[] = [
  { name: 'Container to container', from: 'localhost', to: 'localhost:80', lessons: ['01-container-to-container/pod-sandbox'] },
  { name: 'Pod to pod', from: '10.244.1.9', to: '10.244.2.7', lessons: ['02-pod-to-pod/same-node', '02-pod-to-pod/overlays-and-mtu'] },
  { name: 'Pod to Service', from: '10.244.1.9', to: '10.96.10.20:80', lessons: ['03-pod-to-service/kube-proxy-iptables'] },
  { name: 'The world to a Service', from: '192.168.56.50', to: 'shop.example.com', lessons: ['04-external-to-service/ingress'] },
  { name: 'Pod to the world', from: '10.244.1.9', to: '203.0.113.10:80', lessons: ['05-pod-to-external/egress-and-masquerade'] },
];

/** Read first: they name the five, and the machinery that three of them use. */
export const groundwork: readonly string[] = ['00-start/five-conversations', '00-start/netfilter-and-conntrack'];

export const lessonOf = (slug: string): Written | undefined => path.find((l) => l.slug === slug);

/** Where the course begins. */
export const firstLesson = path[0]?.slug ?? '';
