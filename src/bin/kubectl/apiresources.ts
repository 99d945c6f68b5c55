/** kubectl api-resources and api-versions. Models kubectl/pkg/cmd/apiresources */

import type { ApiResource } from './discovery.ts';
import { errorText, Failure, failure } from './errors.ts';
import { compareStrings } from './json.ts';
import { dataPrinter, noPrinter } from './printers.ts';
import { apiVersionOf } from './rest.ts';
import { TabWriter } from './tabwriter.ts';
import type { Verb } from './verb.ts';

const FORMATS = ['json', 'yaml', 'kyaml', 'name', 'wide'];

export const apiResourcesVerb: Verb = {
  name: 'api-resources',
  use: 'api-resources [flags]',
  short: 'Print the supported API resources on the server',
  long: 'Print the supported API resources on the server.',
  example: `# Print the supported API resources
kubectl api-resources

# Print the supported API resources with more information
kubectl api-resources -o wide

# Print the supported API resources sorted by a column
kubectl api-resources --sort-by=name

# Print the supported namespaced resources
kubectl api-resources --namespaced=true

# Print the supported non-namespaced resources
kubectl api-resources --namespaced=false

# Print the supported API resources with a specific APIGroup
kubectl api-resources --api-group=rbac.authorization.k8s.io`,
  flags: [
    { name: 'api-group', type: 'string', usage: 'Limit to resources in the specified API group.' },
    { name: 'cached', type: 'bool', usage: 'Use the cached list of resources if available.' },
    { name: 'categories', type: 'stringSlice', usage: 'Limit to resources that belong to the specified categories.' },
    {
      name: 'namespaced',
      type: 'bool',
      def: 'true',
      usage: 'If false, non-namespaced resources will be returned, otherwise returning namespaced resources by default.',
    },
    {
      name: 'no-headers',
      type: 'bool',
      usage: "When using the default or custom-column output format, don't print headers (default print headers).",
    },
    { name: 'output', short: 'o', type: 'string', usage: `Output format. One of: (${FORMATS.join(', ')}).` },
    { name: 'show-managed-fields', type: 'bool', usage: 'If true, keep the managedFields when printing objects in JSON or YAML format.' },
    {
      name: 'sort-by',
      type: 'string',
      usage: "If non-empty, sort list of resources using specified field. The field can be either 'name' or 'kind'.",
    },
    { name: 'verbs', type: 'stringSlice', usage: 'Limit to resources that support the specified verbs.' },
  ],
  *run(ctx) {
    if (ctx.args.length > 0) return ctx.usageError(`unexpected arguments: [${ctx.args.join(' ')}]`);
    const output = ctx.str('output');
    const data = dataPrinter(output, true, true);
    if (output !== '' && output !== 'wide' && output !== 'name' && !data) return noPrinter(output, FORMATS);
    const by = ctx.str('sort-by');
    if (by !== '' && by !== 'name' && by !== 'kind') return failure('--sort-by accepts only name or kind');
    const groups = yield* ctx.mapper.groups(!ctx.bool('cached'));
    if (groups instanceof Failure) return groups;
    const seen = new Set<string>();
    const wanted: ApiResource[] = [];
    for (const gv of groups)
      for (const r of gv.resources) {
        const key = `${gv.group}/${r.resource}`;
        if (seen.has(key) || r.verbs.length === 0) continue;
        seen.add(key);
        if (ctx.changed('api-group') && ctx.str('api-group') !== gv.group) continue;
        if (ctx.changed('namespaced') && ctx.bool('namespaced') !== r.namespaced) continue;
        if (!ctx.list('verbs').every((v) => r.verbs.includes(v)) || !ctx.list('categories').every((c) => r.categories.includes(c)))
          continue;
        wanted.push({ ...r, group: gv.group, version: gv.version });
      }
    const key = (r: ApiResource): string => (by === 'name' ? r.resource : by === 'kind' ? r.kind : r.group);
    wanted.sort((a, b) => compareStrings(key(a), key(b)) || compareStrings(a.resource, b.resource));
    if (output === 'name') {
      for (const r of wanted) yield* ctx.out(`${r.resource}${r.group === '' ? '' : `.${r.group}`}\n`);
      return 0;
    }
    if (data) {
      const resources = wanted.map((r) => ({
        name: r.resource,
        singularName: r.singular,
        namespaced: r.namespaced,
        ...(r.group === '' ? {} : { group: r.group }),
        version: r.version,
        kind: r.kind,
        verbs: r.verbs,
        ...(r.shortNames.length > 0 ? { shortNames: r.shortNames } : {}),
        ...(r.categories.length > 0 ? { categories: r.categories } : {}),
      }));
      yield* ctx.out(data.print({ kind: 'APIResourceList', apiVersion: 'v1', groupVersion: '', resources }).out);
      return 0;
    }
    const wide = output === 'wide';
    const w = new TabWriter(6, 3);
    if (!ctx.bool('no-headers')) w.write(`NAME\tSHORTNAMES\tAPIVERSION\tNAMESPACED\tKIND${wide ? '\tVERBS\tCATEGORIES' : ''}\n`);
    for (const r of wanted)
      w.write(
        `${r.resource}\t${r.shortNames.join(',')}\t${apiVersionOf(r)}\t${r.namespaced}\t${r.kind}${wide ? `\t${r.verbs.join(',')}\t${r.categories.join(',')}` : ''}\n`,
      );
    yield* ctx.out(w.flush());
    return 0;
  },
};

export const apiVersionsVerb: Verb = {
  name: 'api-versions',
  use: 'api-versions',
  short: 'Print the supported API versions on the server, in the form of "group/version"',
  long: 'Print the supported API versions on the server, in the form of "group/version".',
  example: '# Print the supported API versions\nkubectl api-versions',
  flags: [],
  *run(ctx) {
    if (ctx.args.length > 0) return ctx.usageError(`unexpected arguments: [${ctx.args.join(' ')}]`);
    const groups = yield* ctx.mapper.groups(true);
    if (groups instanceof Failure) return failure(`couldn't get available api versions from server: ${errorText(groups)}`);
    yield* ctx.out(
      groups
        .map((g) => `${apiVersionOf(g)}\n`)
        .sort(compareStrings)
        .join(''),
    );
    return 0;
  },
};
