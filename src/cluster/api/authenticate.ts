/** Who a request comes from: certificate, bearer token, nobody, or whom the caller acts for. Models apiserver's authentication and impersonation filters. */

import type { Certificate } from '../../wire/x509.ts';
import { authorize } from './authorizer.ts';
import { goQuote } from './field.ts';
import type { RequestUser } from './http-types.ts';
import type { Pki } from './pki.ts';
import type { ApiServer } from './server.ts';
import { type Failure, forbidden, unauthorized } from './status.ts';
import { tokenUser } from './tokens.ts';

const ANONYMOUS: RequestUser = { name: 'system:anonymous', groups: ['system:unauthenticated'] };

export function authenticate(
  server: ApiServer,
  pki: Pki,
  chain: readonly Certificate[],
  headers: ReadonlyMap<string, string>,
): RequestUser | Failure {
  if (chain.length > 0) {
    const user = pki.userOf(chain, server.sim.epochMs + server.sim.now / 1000);
    if (!user) return unauthorized();
    return actFor(server, user, headers);
  }
  const authorization = headers.get('authorization') ?? '';
  const bearer = /^Bearer\s+(\S+)/i.exec(authorization);
  if (!bearer) return ANONYMOUS;
  const user = tokenUser(server, bearer[1] as string);
  return user ? actFor(server, user, headers) : unauthorized();
}

/** `--as` and `--as-group`. */
function actFor(server: ApiServer, user: RequestUser, headers: ReadonlyMap<string, string>): RequestUser | Failure {
  const name = headers.get('impersonate-user');
  const given = headers.get('impersonate-group');
  if (name === undefined) return user;
  const groups = given === undefined ? [] : given.split(',').map((g) => g.trim());
  const account = /^system:serviceaccount:([^:]+):([^:]+)$/.exec(name);
  const asked: [resource: string, name: string, namespace: string][] = [
    account ? ['serviceaccounts', account[2] as string, account[1] as string] : ['users', name, ''],
    ...groups.map((g): [string, string, string] => ['groups', g, '']),
  ];
  for (const [resource, what, namespace] of asked) {
    if (
      authorize(server, user, {
        verb: 'impersonate',
        isResource: true,
        path: '',
        group: '',
        resource,
        subresource: '',
        namespace,
        name: what,
      })
    )
      continue;
    const where = namespace === '' ? 'at the cluster scope' : `in the namespace ${goQuote(namespace)}`;
    return forbidden(
      { group: '', plural: resource },
      what,
      `User ${goQuote(user.name)} cannot impersonate resource ${goQuote(resource)} in API group "" ${where}`,
    );
  }
  const own = account && groups.length === 0 ? ['system:serviceaccounts', `system:serviceaccounts:${account[1]}`] : groups;
  return {
    name,
    groups: [...own, ...(own.includes('system:authenticated') || name === 'system:anonymous' ? [] : ['system:authenticated'])],
  };
}
