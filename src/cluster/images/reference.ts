/** Names of images: `nginx:1.27` is docker.io/library/nginx:1.27. Models distribution/reference's normalisation */

export interface ImageReference {
  readonly domain: string;
  readonly path: string;
  readonly tag: string;
  readonly digest: string;
}

const COMPONENT = '[a-z0-9]+(?:(?:\\.|_|__|-+)[a-z0-9]+)*';
const PATH = new RegExp(`^${COMPONENT}(?:/${COMPONENT})*$`);
const DOMAIN = /^(?:[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?(?:\.[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?)*)(?::\d+)?$/;
const TAG = /^\w[\w.-]{0,127}$/;
const DIGEST = /^sha256:[a-f0-9]{64}$/;

/** The parts of a name as people write it; a text that says what is wrong with it. No tag and no digest: `latest`. */
export function parseReference(text: string): ImageReference | string {
  const [named = '', digest = '', more] = text.split('@');
  if (more !== undefined || (digest !== '' && !DIGEST.test(digest))) return 'invalid reference format';
  const slash = named.indexOf('/');
  const first = slash < 0 ? '' : named.slice(0, slash);
  const hasDomain = first !== '' && (/[.:]/.test(first) || first === 'localhost' || first !== first.toLowerCase());
  const domain = hasDomain ? first : 'docker.io';
  const rest = hasDomain ? named.slice(slash + 1) : named;
  const colon = rest.lastIndexOf(':');
  const name = colon < 0 ? rest : rest.slice(0, colon);
  const tag = colon < 0 ? (digest === '' ? 'latest' : '') : rest.slice(colon + 1);
  if (name !== name.toLowerCase()) return 'invalid reference format: repository name must be lowercase';
  if (!DOMAIN.test(domain) || !PATH.test(name) || (tag !== '' && !TAG.test(tag))) return 'invalid reference format';
  return { domain, path: domain === 'docker.io' && !name.includes('/') ? `library/${name}` : name, tag, digest };
}

/** `docker.io/library/nginx`. */
export const repositoryOf = (r: ImageReference): string => `${r.domain}/${r.path}`;

/** The whole name, as containerd keeps it. */
export const fullName = (r: ImageReference): string => `${repositoryOf(r)}${r.tag ? `:${r.tag}` : ''}${r.digest ? `@${r.digest}` : ''}`;
