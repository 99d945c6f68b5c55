/** Reviews: answered, never stored. Models registry/authorization and registry/authentication. */

import { authorize, rulesFor } from './authorizer.ts';
import type { ApiResult } from './client.ts';
import type { RequestUser } from './http-types.ts';
import type { AnyObject } from './object.ts';
import type { PolicyRule } from './rbac-roles.ts';
import type { ResourceDef } from './resources.ts';
import type { ApiServer } from './server.ts';
import { failure, invalid } from './status.ts';
import { tokenUser } from './tokens.ts';

interface AccessSpec {
  readonly resourceAttributes?: {
    readonly namespace?: string;
    readonly verb?: string;
    readonly group?: string;
    readonly resource?: string;
    readonly subresource?: string;
    readonly name?: string;
  };
  readonly nonResourceAttributes?: { readonly path?: string; readonly verb?: string };
  readonly user?: string;
  readonly groups?: readonly string[];
}

function decide(server: ApiServer, user: RequestUser, spec: AccessSpec): object {
  const r = spec.resourceAttributes;
  const n = spec.nonResourceAttributes;
  const allowed = authorize(server, user, {
    verb: r?.verb ?? n?.verb ?? '',
    isResource: r !== undefined,
    path: n?.path ?? '',
    group: r?.group ?? '',
    resource: r?.resource ?? '',
    subresource: r?.subresource ?? '',
    namespace: r?.namespace ?? '',
    name: r?.name ?? '',
  });
  return { allowed };
}

function rules(server: ApiServer, user: RequestUser, namespace: string): object {
  const resourceRules: PolicyRule[] = [];
  const nonResourceRules: PolicyRule[] = [];
  for (const rule of rulesFor(server, user, namespace)) {
    if ((rule.resources?.length ?? 0) > 0) {
      const { verbs, apiGroups, resources, resourceNames } = rule;
      resourceRules.push({
        verbs,
        ...(apiGroups ? { apiGroups } : {}),
        ...(resources ? { resources } : {}),
        ...(resourceNames ? { resourceNames } : {}),
      });
    }
    if ((rule.nonResourceURLs?.length ?? 0) > 0)
      nonResourceRules.push({ verbs: rule.verbs, nonResourceURLs: rule.nonResourceURLs as readonly string[] });
  }
  return { resourceRules, nonResourceRules, incomplete: false };
}

/** `object` with its status filled in. */
export function reviewOf(server: ApiServer, user: RequestUser, def: ResourceDef, object: AnyObject): ApiResult<AnyObject> {
  const spec = (object.spec ?? {}) as AccessSpec & { readonly namespace?: string; readonly token?: string };
  const done = (status: object): ApiResult<AnyObject> => ({
    ok: true,
    value: { ...object, metadata: { ...object.metadata, creationTimestamp: null as never }, status } as AnyObject,
  });
  switch (def.kind) {
    case 'SelfSubjectReview':
      return {
        ok: true,
        value: {
          ...object,
          metadata: { creationTimestamp: server.now } as AnyObject['metadata'],
          status: { userInfo: userInfo(user) },
        } as AnyObject,
      };
    case 'SelfSubjectAccessReview':
      return done(decide(server, user, spec));
    case 'SubjectAccessReview':
    case 'LocalSubjectAccessReview': {
      if (!spec.user && !spec.groups?.length)
        return invalid(def, '', [
          {
            type: 'FieldValueInvalid',
            field: 'spec.user',
            bad: spec.user ?? '',
            detail: 'at least one of user or group must be specified',
          },
        ]);
      return done(decide(server, { name: spec.user ?? '', groups: spec.groups ?? [] }, spec));
    }
    case 'SelfSubjectRulesReview':
      if (!spec.namespace) return failure(400, 'BadRequest', 'no namespace on request');
      return done(rules(server, user, spec.namespace));
    case 'TokenReview': {
      const found = tokenUser(server, spec.token ?? '');
      return done(found ? { authenticated: true, user: userInfo(found) } : { user: {}, error: '[invalid bearer token]' });
    }
    default:
      return failure(404, 'NotFound', 'the server could not find the requested resource', {});
  }
}

function userInfo(user: RequestUser): object {
  return { username: user.name, ...(user.uid ? { uid: user.uid } : {}), groups: user.groups, ...(user.extra ? { extra: user.extra } : {}) };
}
