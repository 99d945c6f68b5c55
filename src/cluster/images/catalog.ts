/** The table of images that the registries have. */

import { POLICY_IMAGE } from '../policy/manifest.ts';
import { ADDONS } from './addons.ts';
import { CALICO } from './calico.ts';
import type { Image } from './image.ts';
import { NGINX_FILES, NGINX_PACKAGED } from './nginx.ts';
import { parseReference, repositoryOf } from './reference.ts';
import { TRAFFIC } from './traffic.ts';

const versions = (major: string, from: number, to: number): string[] =>
  Array.from({ length: to - from + 1 }, (_, i) => `${major}${to - i}`);

const NETWORK_TOOLS = [
  'arp arping bridge brctl conntrack curl dig dnsdomainname ethtool getent host hostname ifconfig ip ipcmk ipcrm ipcs iptables iptables-save iptables-restore ipset',
  'ipvsadm jq lsof mtr nc netstat nft nslookup nstat openssl ping route ss sysctl tc tcpdump telnet tracepath traceroute wget watch poddns podserver ps kill top free pgrep pkill uptime find',
]
  .join(' ')
  .split(' ');

const APPS: readonly Image[] = [
  {
    repository: 'docker.io/library/nginx',
    tags: [
      ...versions('1.', 14, 29),
      ...versions('1.27.', 0, 5),
      ...versions('1.29.', 0, 3),
      '1.14.2',
      '1.16.1',
      '1.25.3',
      'stable',
      'mainline',
    ],
    base: 'debian',
    entrypoint: ['/docker-entrypoint.sh'],
    cmd: ['nginx', '-g', 'daemon off;'],
    env: { NGINX_VERSION: '1.29.3', PKG_RELEASE: '1~bookworm' },
    programs: ['nginx', 'curl', 'openssl'],
    files: NGINX_FILES,
    packaged: NGINX_PACKAGED,
    size: 72_404_038,
  },
  {
    repository: 'docker.io/library/nginx',
    tags: ['alpine', 'stable-alpine', ...versions('1.', 20, 29).map((v) => `${v}-alpine`)],
    latest: false,
    base: 'alpine',
    entrypoint: ['/docker-entrypoint.sh'],
    cmd: ['nginx', '-g', 'daemon off;'],
    env: { NGINX_VERSION: '1.29.3', PKG_RELEASE: '1' },
    programs: ['nginx', 'curl'],
    files: NGINX_FILES,
    packaged: NGINX_PACKAGED,
    size: 22_477_192,
  },
  {
    repository: 'docker.io/library/busybox',
    tags: ['stable', ...versions('1.', 28, 37), '1.36.1', 'musl', 'glibc'],
    base: 'busybox',
    cmd: ['sh'],
    size: 2_223_685,
  },
  {
    repository: 'docker.io/library/alpine',
    tags: [...versions('3.', 15, 22), '3', 'edge'],
    base: 'alpine',
    cmd: ['/bin/sh'],
    size: 3_806_880,
  },
  {
    repository: 'docker.io/library/debian',
    tags: ['bookworm', '12', 'bookworm-slim', 'stable', 'stable-slim'],
    base: 'debian',
    cmd: ['bash'],
    size: 48_494_943,
  },
  {
    repository: 'docker.io/curlimages/curl',
    tags: [...versions('8.', 0, 17).map((v) => `${v}.0`), '8.14.1', '8.11.1', '8.21.0'],
    base: 'alpine',
    entrypoint: ['/entrypoint.sh'],
    cmd: ['curl'],
    user: '100:101',
    workdir: '/home/curl_user',
    programs: ['curl'],
    files: {
      '/entrypoint.sh':
        '#!/bin/sh\nset -e\nif [ "${1#-}" != "${1}" ] || [ -z "$(command -v "${1}")" ]; then\n  set -- curl "$@"\nfi\nexec "$@"\n',
      '/home/curl_user/': '',
    },
    size: 9_800_000,
  },
  {
    repository: 'docker.io/nicolaka/netshoot',
    tags: ['v0.14', 'v0.13', 'v0.12', 'v0.11'],
    base: 'alpine',
    cmd: ['bash'],
    env: { HOSTNAME: 'netshoot' },
    workdir: '/root',
    programs: ['bash', ...NETWORK_TOOLS],
    size: 213_560_011,
  },
  {
    repository: 'registry.k8s.io/e2e-test-images/agnhost',
    tags: ['2.53', '2.52', '2.47', '2.45', '2.43', '2.40', '2.39', '2.21'],
    latest: false,
    base: 'alpine',
    entrypoint: ['/agnhost'],
    cmd: ['pause'],
    programs: ['agnhost=/agnhost', 'curl', 'dig', 'bash'],
    size: 51_105_200,
  },
  {
    repository: 'docker.io/hopwise/echo',
    tags: ['1.0'],
    base: 'debian',
    entrypoint: ['podserver'],
    workdir: '/root',
    programs: NETWORK_TOOLS,
    size: 6_120_440,
  },
  {
    repository: 'docker.io/hopwise/web',
    tags: ['1.0', '2.0'],
    base: 'alpine',
    entrypoint: ['/bin/webapp'],
    programs: ['webapp=/bin/webapp', 'curl'],
    size: 8_441_210,
  },
  {
    repository: 'docker.io/hopwise/load',
    tags: ['1.0'],
    base: 'alpine',
    entrypoint: ['/bin/load'],
    programs: ['load=/bin/load', 'curl'],
    size: 5_022_110,
  },
  {
    repository: 'docker.io/hopwise/toolbox',
    tags: ['1.0'],
    base: 'debian',
    cmd: ['sleep', 'infinity'],
    workdir: '/root',
    programs: NETWORK_TOOLS,
    size: 88_120_330,
  },
  {
    repository: 'docker.io/library/redis',
    tags: ['8', '8.2', '7', '7.4', '7.2', '7-alpine', 'alpine'],
    base: 'alpine',
    entrypoint: ['docker-entrypoint.sh'],
    cmd: ['redis-server'],
    workdir: '/data',
    programs: ['redis-server=/usr/local/bin/redis-server', 'redis-cli=/usr/local/bin/redis-cli'],
    files: {
      '/usr/local/bin/docker-entrypoint.sh':
        '#!/bin/sh\nset -e\nif [ "${1#-}" != "$1" ]; then\n  set -- redis-server "$@"\nfi\nexec "$@"\n',
      '/data/': '',
    },
    size: 29_712_340,
  },
  {
    repository: 'docker.io/library/postgres',
    tags: ['18', '17', '16', '15', '16-alpine', '17-alpine', 'alpine'],
    base: 'debian',
    entrypoint: ['docker-entrypoint.sh'],
    cmd: ['postgres'],
    programs: ['postgres=/usr/lib/postgresql/bin/postgres', 'pg_isready', 'psql'],
    files: {
      '/usr/local/bin/docker-entrypoint.sh':
        '#!/bin/sh\nset -e\nif [ "$1" = postgres ] && [ -z "$POSTGRES_PASSWORD" ] && [ "$POSTGRES_HOST_AUTH_METHOD" != trust ]; then\n  echo "Error: Database is uninitialized and superuser password is not specified." >&2\n  echo "       You must specify POSTGRES_PASSWORD to a non-empty value for the" >&2\n  echo "       superuser. For example, \\"-e POSTGRES_PASSWORD=password\\" on \\"docker run\\"." >&2\n  exit 1\nfi\nPATH=$PATH:/usr/lib/postgresql/bin\nexec "$@"\n',
      '/var/lib/postgresql/data/': '',
    },
    size: 154_210_220,
  },
];

export const IMAGES: readonly Image[] = [...APPS, ...ADDONS, ...TRAFFIC, POLICY_IMAGE, ...CALICO];

const byName = new Map<string, Image>();
for (const image of IMAGES) {
  for (const tag of image.tags) byName.set(`${image.repository}:${tag}`, image);
  if (image.latest !== false) byName.set(`${image.repository}:latest`, image);
}
const repositories = new Set(IMAGES.map((i) => i.repository));
const domains = new Set(['docker.io', ...IMAGES.map((i) => i.repository.split('/')[0] as string)]);

export interface Found {
  readonly image: Image;
  /** The whole name, with its tag. */
  readonly name: string;
  readonly tag: string;
}

export interface NotFound {
  readonly code: 'NotFound' | 'Unknown' | 'InvalidArgument';
  readonly text: string;
}

/** What a registry says to a name; containerd's text when it does not have it. */
export function resolveImage(text: string): Found | NotFound {
  const ref = parseReference(text);
  if (typeof ref === 'string') return { code: 'InvalidArgument', text: `failed to parse image reference "${text}": ${ref}` };
  const repository = repositoryOf(ref);
  const name = `${repository}:${ref.tag || 'latest'}`;
  const image = byName.get(name);
  if (image && ref.digest === '') return { image, name, tag: ref.tag };
  const full = ref.digest === '' ? name : `${repository}@${ref.digest}`;
  const start = `failed to pull and unpack image "${full}": failed to resolve reference "${full}": `;
  if (repositories.has(repository)) return { code: 'NotFound', text: `${start}${full}: not found` };
  if (ref.domain === 'docker.io')
    return {
      code: 'Unknown',
      text: `${start}pull access denied, repository does not exist or may require authorization: server message: insufficient_scope: authorization failed`,
    };
  if (domains.has(ref.domain)) return { code: 'NotFound', text: `${start}${full}: not found` };
  const host = ref.domain.replace(/:\d+$/, '');
  const method = ref.digest === '' ? `manifests/${ref.tag}` : `manifests/${ref.digest}`;
  return {
    code: 'Unknown',
    text: `${start}failed to do request: Head "https://${ref.domain}/v2/${ref.path}/${method}": dial tcp: lookup ${host}: no such host`,
  };
}
