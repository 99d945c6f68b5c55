/** kubectl config. Models kubectl/pkg/cmd/config */

import type { Task } from '../../os/program.ts';
import { strerror } from '../../sim/errno.ts';
import { utf8 } from '../../wire/bytes.ts';
import { toBase64 } from './base64.ts';
import { aggregate, Failure, failure } from './errors.ts';
import type { Flag } from './flags.ts';
import { helpText } from './help.ts';
import { type Json, type JsonObject, str, withPath } from './json.ts';
import { configFiles, type Kubeconfig, type Named, readConfigFile, SECTIONS, type Section } from './kubeconfig.ts';
import { PRINT_FLAGS, printerFor } from './printers.ts';
import { quote } from './strconv.ts';
import { TabWriter } from './tabwriter.ts';
import type { Ctx, Verb } from './verb.ts';
import { toYaml } from './yamlout.ts';

const one = (name: string, type: Flag['type'], usage: string, more: Partial<Flag> = {}): Flag => ({ name, type, usage, ...more });

/** The whole help first, as cobra's Help() does, then the error. */
function* helpError(ctx: Ctx, text: string): Task<Failure> {
  yield* ctx.out(helpText(ctx.verb, ctx.path, ctx.p.winsize(1)?.cols ?? null));
  return failure(text);
}

const unexpected = (ctx: Ctx): Task<Failure> => helpError(ctx, `Unexpected args: [${ctx.args.join(' ')}]`);

function document(c: Kubeconfig): JsonObject {
  const section = (s: Section): Json => {
    const all = [...c[s]].sort((a, b) => (a.name < b.name ? -1 : 1)).map((n) => ({ [SECTIONS[s]]: n.value, name: n.name }));
    return all.length === 0 ? null : all;
  };
  return {
    apiVersion: 'v1',
    clusters: section('clusters'),
    contexts: section('contexts'),
    'current-context': c.currentContext,
    kind: 'Config',
    users: section('users'),
  };
}

/** Where a change of an entry goes: the file that has it, else the first that exists, else the last of the list. */
function fileFor(ctx: Ctx, entry: Named | undefined): string {
  const { files } = configFiles(ctx.p, ctx.flags);
  return entry?.file ?? files.find((f) => ctx.p.stat(f).ok) ?? (files.at(-1) as string);
}

function save(ctx: Ctx, file: string, c: Kubeconfig): Failure | null {
  const parts = file.split('/');
  for (let i = 2; i < parts.length; i++) ctx.p.mkdir(parts.slice(0, i).join('/'), 0o750);
  const r = ctx.p.writeFile(file, toYaml(document(c)));
  if (!r.ok) return failure(`open ${file}: ${strerror(r.errno).toLowerCase()}`);
  ctx.p.chmod(file, 0o600);
  return null;
}

const EMPTY: Kubeconfig = { clusters: [], contexts: [], users: [], currentContext: '' };

function change(ctx: Ctx, file: string, edit: (c: Kubeconfig) => Kubeconfig): Failure | null {
  const now = readConfigFile(ctx.p, file);
  if (now instanceof Failure) return now;
  return save(ctx, file, edit(now ?? EMPTY));
}

const put = (list: readonly Named[], entry: Named): Named[] => [...list.filter((x) => x.name !== entry.name), entry];

/** Sets an entry of a section to what `edit` makes of it. */
function setEntry(ctx: Ctx, c: Kubeconfig, section: Section, name: string, edit: (v: JsonObject) => JsonObject): Failure | null {
  const old = c[section].find((x) => x.name === name);
  const value = edit(old?.value ?? (section === 'contexts' ? { cluster: '', user: '' } : section === 'clusters' ? { server: '' } : {}));
  const file = fileFor(ctx, old);
  return change(ctx, file, (k) => ({ ...k, [section]: put(k[section], { name, value, file }) }));
}

function setCurrent(ctx: Ctx, name: string): Failure | null {
  const { files } = configFiles(ctx.p, ctx.flags);
  const holder = files.find((f) => {
    const c = readConfigFile(ctx.p, f);
    return c !== null && !(c instanceof Failure) && c.currentContext !== '';
  });
  return change(ctx, holder ?? fileFor(ctx, undefined), (c) => ({ ...c, currentContext: name }));
}

/** A leaf given by a flag; an empty value takes it away. */
const withFlag = (ctx: Ctx, v: JsonObject, flag: string, key = flag): JsonObject =>
  ctx.changed(flag) ? withPath(v, [key], ctx.str(flag) === '' && key !== 'cluster' && key !== 'user' ? undefined : ctx.str(flag)) : v;
const without = (v: JsonObject, ...keys: readonly string[]): JsonObject => keys.reduce((o, k) => withPath(o, [k], undefined), v);

function absolute(ctx: Ctx, path: string): string {
  if (path.startsWith('/')) return path;
  const out: string[] = [];
  for (const part of `${ctx.p.cwd}/${path}`.split('/')) {
    if (part === '..') out.pop();
    else if (part !== '' && part !== '.') out.push(part);
  }
  return `/${out.join('/')}`;
}

const redact = (v: JsonObject, keys: readonly string[], as: string): JsonObject =>
  keys.reduce((o, k) => (str(o, k) === '' ? o : withPath(o, [k], as)), v);

const sub = (
  name: string,
  use: string,
  short: string,
  flags: readonly Flag[],
  run: (ctx: Ctx, c: Kubeconfig) => Task<number | Failure>,
  more: Partial<Verb> = {},
): Verb => ({
  name,
  use,
  short,
  long: `${short}.`,
  flags,
  ...more,
  *run(ctx) {
    const c = ctx.clientConfig.raw;
    // A file that is not there yet is written by what sets something.
    if (c instanceof Failure) return /^set/.test(name) && c.message.startsWith('stat ') ? yield* run(ctx, EMPTY) : c;
    return yield* run(ctx, c);
  },
});

const view = sub(
  'view',
  'view [flags]',
  'Display merged kubeconfig settings or a specified kubeconfig file',
  [
    ...PRINT_FLAGS.map((f) => (f.name === 'output' ? { ...f, def: 'yaml' } : f)),
    one(
      'flatten',
      'bool',
      'Flatten the resulting kubeconfig file into self-contained output (useful for creating portable kubeconfig files)',
    ),
    one('merge', 'tristate', 'Merge the full hierarchy of kubeconfig files', { def: 'true', alone: 'true' }),
    one('minify', 'bool', 'Remove all information not used by current-context from the output'),
    one('raw', 'bool', 'Display raw byte data and sensitive data'),
  ],
  function* (ctx, c) {
    if (ctx.args.length > 0) return ctx.usageError(`unexpected arguments: [${ctx.args.join(' ')}]`);
    if (ctx.str('merge') === 'false' && ctx.str('kubeconfig') === '') return failure('if merge==false a precise file must be specified');
    let shown = c;
    if (ctx.bool('minify')) {
      const current = ctx.str('context') || c.currentContext;
      if (current === '') return failure('current-context must exist in order to minify');
      const context = c.contexts.find((x) => x.name === current);
      if (!context) return failure(`cannot locate context ${current}`);
      const cluster = str(context.value, 'cluster');
      if (cluster !== '' && !c.clusters.some((x) => x.name === cluster)) return failure(`cannot locate cluster ${cluster}`);
      shown = {
        currentContext: current,
        contexts: [context],
        clusters: c.clusters.filter((x) => x.name === cluster),
        users: c.users.filter((x) => x.name === str(context.value, 'user')),
      };
    }
    const each = (list: readonly Named[], f: (v: JsonObject, n: Named) => JsonObject): Named[] =>
      list.map((n) => ({ ...n, value: f(n.value, n) }));
    if (ctx.bool('flatten')) {
      const inline = (v: JsonObject, n: Named, key: string): JsonObject => {
        const path = str(v, key);
        if (path === '') return v;
        const r = ctx.p.readFile(path.startsWith('/') ? path : `${n.file.slice(0, n.file.lastIndexOf('/') + 1)}${path}`);
        return r.ok ? withPath(without(v, key), [`${key}-data`], toBase64(r.value)) : v;
      };
      shown = {
        ...shown,
        clusters: each(shown.clusters, (v, n) => inline(v, n, 'certificate-authority')),
        users: each(shown.users, (v, n) => inline(inline(v, n, 'client-certificate'), n, 'client-key')),
      };
    } else if (!ctx.bool('raw')) {
      shown = {
        ...shown,
        clusters: each(shown.clusters, (v) => redact(v, ['certificate-authority-data'], 'DATA+OMITTED')),
        users: each(shown.users, (v) =>
          redact(redact(v, ['client-certificate-data', 'client-key-data'], 'DATA+OMITTED'), ['token', 'password'], 'REDACTED'),
        ),
      };
    }
    const printer = printerFor(ctx, { output: 'yaml' });
    if (printer instanceof Failure) return printer;
    const { out, error } = printer.print(document(shown));
    yield* ctx.out(out);
    return error ?? 0;
  },
);

const getContexts = sub(
  'get-contexts',
  'get-contexts [(-o|--output=)name)]',
  'Describe one or many contexts',
  [
    one('no-headers', 'bool', "When using the default or custom-column output format, don't print headers (default print headers)."),
    one('output', 'string', 'Output format. One of: (name).', { short: 'o' }),
  ],
  function* (ctx, c) {
    const output = ctx.str('output');
    if (output !== '' && output !== 'name')
      return failure(`--output ${output} is not available in kubectl config get-contexts; resetting to default output format`);
    const missing = ctx.args.filter((a) => !c.contexts.some((x) => x.name === a));
    const names = (ctx.args.length > 0 ? ctx.args.filter((a) => !missing.includes(a)) : c.contexts.map((x) => x.name)).toSorted();
    const w = new TabWriter(6, 3);
    if (output === '' && !ctx.bool('no-headers')) w.write('CURRENT\tNAME\tCLUSTER\tAUTHINFO\tNAMESPACE\n');
    for (const name of names) {
      const v = c.contexts.find((x) => x.name === name)?.value ?? {};
      w.write(
        output === 'name'
          ? `${name}\n`
          : `${c.currentContext === name ? '*' : ' '}\t${name}\t${str(v, 'cluster')}\t${str(v, 'user')}\t${str(v, 'namespace')}\n`,
      );
    }
    yield* ctx.out(w.flush());
    return aggregate(missing.map((m) => failure(`context ${m} not found`))) ?? 0;
  },
);

const currentContext = sub('current-context', 'current-context [flags]', 'Display the current-context', [], function* (ctx, c) {
  if (c.currentContext === '') return failure('current-context is not set');
  yield* ctx.out(`${c.currentContext}\n`);
  return 0;
});

const useContext = sub(
  'use-context',
  'use-context CONTEXT_NAME',
  'Set the current-context in a kubeconfig file',
  [],
  function* (ctx, c) {
    if (ctx.args.length !== 1) return yield* unexpected(ctx);
    const name = ctx.args[0] as string;
    if (name === '') return failure('empty context names are not allowed');
    if (!c.contexts.some((x) => x.name === name)) return failure(`no context exists with the name: ${quote(name)}`);
    const wrong = setCurrent(ctx, name);
    if (wrong) return wrong;
    yield* ctx.out(`Switched to context ${quote(name)}.\n`);
    return 0;
  },
  { aliases: ['use'] },
);

const setContext = sub(
  'set-context',
  'set-context [NAME | --current] [--cluster=cluster_nickname] [--user=user_nickname] [--namespace=namespace]',
  'Set a context entry in kubeconfig',
  [
    one('cluster', 'string', 'cluster for the context entry in kubeconfig'),
    one('current', 'bool', 'Modify the current context'),
    one('namespace', 'string', 'namespace for the context entry in kubeconfig', { short: 'n' }),
    one('user', 'string', 'user for the context entry in kubeconfig'),
  ],
  function* (ctx, c) {
    if (ctx.args.length > 1) return yield* unexpected(ctx);
    const given = ctx.args[0] ?? '';
    if (given === '' && !ctx.bool('current')) return failure('you must specify a non-empty context name or --current');
    if (given !== '' && ctx.bool('current')) return failure('you cannot specify both a context name and --current');
    if (ctx.bool('current') && c.currentContext === '') return failure('no current context is set');
    const name = ctx.bool('current') ? c.currentContext : given;
    const exists = c.contexts.some((x) => x.name === name);
    const wrong = setEntry(ctx, c, 'contexts', name, (v) => withFlag(ctx, withFlag(ctx, withFlag(ctx, v, 'cluster'), 'user'), 'namespace'));
    if (wrong) return wrong;
    yield* ctx.out(`Context ${quote(name)} ${exists ? 'modified' : 'created'}.\n`);
    return 0;
  },
);

const setCluster = sub(
  'set-cluster',
  'set-cluster NAME [--server=server] [--certificate-authority=path/to/certificate/authority] [--insecure-skip-tls-verify=true] [--tls-server-name=example.com]',
  'Set a cluster entry in kubeconfig',
  [
    one('certificate-authority', 'string', 'Path to certificate-authority file for the cluster entry in kubeconfig'),
    one('embed-certs', 'tristate', 'embed-certs for the cluster entry in kubeconfig', { alone: 'true' }),
    one('insecure-skip-tls-verify', 'tristate', 'insecure-skip-tls-verify for the cluster entry in kubeconfig', {
      alone: 'true',
      def: 'false',
    }),
    one('proxy-url', 'string', 'proxy-url for the cluster entry in kubeconfig'),
    one('server', 'string', 'server for the cluster entry in kubeconfig'),
    one('tls-server-name', 'string', 'tls-server-name for the cluster entry in kubeconfig'),
  ],
  function* (ctx, c) {
    if (ctx.args.length !== 1) return yield* unexpected(ctx);
    const name = ctx.args[0] as string;
    const insecure = ctx.str('insecure-skip-tls-verify') === 'true';
    const ca = ctx.str('certificate-authority');
    const embed = ctx.str('embed-certs') === 'true';
    if (name === '') return failure('you must specify a non-empty cluster name');
    if (insecure && ca !== '') return failure('you cannot specify a certificate authority and insecure mode at the same time');
    if (embed && ca === '') return failure('you must specify a --certificate-authority to embed');
    const file = embed ? ctx.p.readFile(ca) : null;
    if (file && !file.ok)
      return failure(`could not stat certificate-authority file ${ca}: stat ${ca}: ${strerror(file.errno).toLowerCase()}`);
    const wrong = setEntry(ctx, c, 'clusters', name, (old) => {
      let v = old;
      if (ctx.changed('server')) v = without({ ...v, server: ctx.str('server') }, 'tls-server-name');
      v = withFlag(ctx, v, 'tls-server-name');
      if (ctx.changed('insecure-skip-tls-verify'))
        v = insecure
          ? without({ ...v, 'insecure-skip-tls-verify': true }, 'certificate-authority', 'certificate-authority-data')
          : without(v, 'insecure-skip-tls-verify');
      if (file?.ok)
        v = without({ ...v, 'certificate-authority-data': toBase64(file.value) }, 'insecure-skip-tls-verify', 'certificate-authority');
      else if (ctx.changed('certificate-authority'))
        v =
          ca === ''
            ? without(v, 'certificate-authority')
            : without({ ...v, 'certificate-authority': absolute(ctx, ca) }, 'insecure-skip-tls-verify', 'certificate-authority-data');
      return withFlag(ctx, v, 'proxy-url');
    });
    if (wrong) return wrong;
    yield* ctx.out(`Cluster ${quote(name)} set.\n`);
    return 0;
  },
);

const setCredentials = sub(
  'set-credentials',
  'set-credentials NAME [--client-certificate=path/to/certfile] [--client-key=path/to/keyfile] [--token=bearer_token] [--username=basic_user] [--password=basic_password]',
  'Set a user entry in kubeconfig',
  [
    one('client-certificate', 'string', 'Path to client-certificate file for the user entry in kubeconfig'),
    one('client-key', 'string', 'Path to client-key file for the user entry in kubeconfig'),
    one('embed-certs', 'tristate', 'Embed client cert/key for the user entry in kubeconfig', { alone: 'true' }),
    one('password', 'string', 'password for the user entry in kubeconfig'),
    one('token', 'string', 'token for the user entry in kubeconfig'),
    one('username', 'string', 'username for the user entry in kubeconfig'),
  ],
  function* (ctx, c) {
    if (ctx.args.length !== 1) return failure(`unexpected args: [${ctx.args.join(' ')}]`);
    const name = ctx.args[0] as string;
    if (name === '') return failure('you must specify a non-empty user name');
    const basic = ctx.str('username') !== '' || ctx.str('password') !== '';
    if (basic && ctx.str('token') !== '')
      return failure('you cannot specify more than one authentication method at the same time: --token, --username/--password');
    const embed = ctx.str('embed-certs') === 'true';
    if (embed && ctx.str('client-certificate') === '' && ctx.str('client-key') === '')
      return failure('you must specify a --client-certificate or --client-key to embed');
    const parts: [string, string][] = [];
    for (const key of ['client-certificate', 'client-key']) {
      if (!embed || ctx.str(key) === '') continue;
      const r = ctx.p.readFile(ctx.str(key));
      if (!r.ok) return failure(`could not stat ${key} file ${ctx.str(key)}: stat ${ctx.str(key)}: ${strerror(r.errno).toLowerCase()}`);
      parts.push([key, toBase64(r.value)]);
    }
    const wrong = setEntry(ctx, c, 'users', name, (old) => {
      let v = old;
      for (const key of ['client-certificate', 'client-key']) {
        if (!ctx.changed(key)) continue;
        const data = parts.find(([k]) => k === key)?.[1];
        v =
          data === undefined
            ? without({ ...v, [key]: absolute(ctx, ctx.str(key)) }, `${key}-data`)
            : without({ ...v, [`${key}-data`]: data }, key);
      }
      v = withFlag(ctx, withFlag(ctx, withFlag(ctx, v, 'token'), 'username'), 'password');
      if (ctx.str('token') !== '') v = without(v, 'username', 'password');
      else if (basic) v = without(v, 'token');
      return v;
    });
    if (wrong) return wrong;
    yield* ctx.out(`User ${quote(name)} set.\n`);
    return 0;
  },
);

/** `contexts.my-context.cluster`: names may hold dots, so the longest name that is known wins. Models navigation_step_parser.go */
function modify(ctx: Ctx, c: Kubeconfig, property: string, value: string | undefined): Failure | null {
  const parts = property.split('.');
  const head = parts[0] as string;
  if (property === '') return failure('you must specify a property');
  if (head === 'current-context' && parts.length === 1) return setCurrent(ctx, value ?? '');
  if (!(head in SECTIONS)) return failure(`unable to parse ${property} at ${head}`);
  const section = head as Section;
  if (parts.length === 1) {
    if (value !== undefined) return failure("can't set a map to a value: map[]");
    return change(ctx, fileFor(ctx, undefined), (k) => ({ ...k, [section]: [] }));
  }
  const rest = parts.slice(1).join('.');
  const known = [...c[section]].sort((a, b) => b.name.length - a.name.length).find((n) => rest === n.name || rest.startsWith(`${n.name}.`));
  const name = known?.name ?? (parts.length > 2 ? parts.slice(1, -1).join('.') : rest);
  const path = rest.slice(name.length + 1);
  if (path === '') {
    if (value !== undefined) return failure("can't set a map to a value: map[]");
    return change(ctx, fileFor(ctx, known), (k) => ({ ...k, [section]: k[section].filter((x) => x.name !== name) }));
  }
  if (!known && value === undefined) return failure(`current map key \`${name}\` is invalid`);
  const bool = path === 'insecure-skip-tls-verify' || path === 'disable-compression';
  const leaf: Json | undefined =
    value === undefined
      ? undefined
      : bool
        ? /^(1|t|T|TRUE|true|True)$/.test(value)
        : path.endsWith('-data') && ctx.str('set-raw-bytes') === 'true'
          ? toBase64(utf8(value))
          : value;
  return setEntry(ctx, c, section, name, (v) => withPath(v, [path], leaf));
}

const set = sub(
  'set',
  'set PROPERTY_NAME PROPERTY_VALUE',
  'Set an individual value in a kubeconfig file',
  [
    one('set-raw-bytes', 'tristate', 'When writing a []byte PROPERTY_VALUE, write the given string directly without base64 decoding.', {
      alone: 'true',
    }),
  ],
  function* (ctx, c) {
    if (ctx.args.length !== 2) return yield* unexpected(ctx);
    if (ctx.args[1] === '') return failure('you cannot use set to unset a property');
    const wrong = modify(ctx, c, ctx.args[0] as string, ctx.args[1]);
    if (wrong) return wrong;
    yield* ctx.out(`Property ${quote(ctx.args[0] as string)} set.\n`);
    return 0;
  },
);

const unset = sub('unset', 'unset PROPERTY_NAME', 'Unset an individual value in a kubeconfig file', [], function* (ctx, c) {
  if (ctx.args.length !== 1) return yield* unexpected(ctx);
  const wrong = modify(ctx, c, ctx.args[0] as string, undefined);
  if (wrong) return wrong;
  yield* ctx.out(`Property ${quote(ctx.args[0] as string)} unset.\n`);
  return 0;
});

const names = (name: string, section: Section, what: string): Verb =>
  sub(name, `${name} [flags]`, `Display ${what} defined in the kubeconfig`, [], function* (ctx, c) {
    yield* ctx.out(
      `NAME\n${c[section]
        .map((x) => `${x.name}\n`)
        .sort()
        .join('')}`,
    );
    return 0;
  });

const remove = (name: string, section: Section): Verb => {
  const what = SECTIONS[section];
  return sub(name, `${name} NAME`, `Delete the specified ${what} from the kubeconfig`, [], function* (ctx, c) {
    if (ctx.args.length !== 1) {
      yield* ctx.out(helpText(ctx.verb, ctx.path, ctx.p.winsize(1)?.cols ?? null));
      return 0;
    }
    const target = ctx.args[0] as string;
    const entry = c[section].find((x) => x.name === target);
    const { files } = configFiles(ctx.p, ctx.flags);
    const shown = files[0] as string;
    if (!entry) return failure(`cannot delete ${what} ${target}, not in ${shown}`);
    if (section === 'contexts' && c.currentContext === target)
      yield* ctx.err('warning: this removed your active context, use "kubectl config use-context" to select a different one\n');
    const wrong = change(ctx, entry.file, (k) => ({ ...k, [section]: k[section].filter((x) => x.name !== target) }));
    if (wrong) return wrong;
    yield* ctx.out(`deleted ${what} ${target} from ${shown}\n`);
    return 0;
  });
};

const renameContext = sub(
  'rename-context',
  'rename-context CONTEXT_NAME NEW_NAME',
  'Rename a context from the kubeconfig file',
  [],
  function* (ctx, c) {
    if (ctx.args.length !== 2) return yield* unexpected(ctx);
    const [from, to] = ctx.args as [string, string];
    if (to === '') return failure('you must specify a new non-empty context name');
    const entry = c.contexts.find((x) => x.name === from);
    const file = configFiles(ctx.p, ctx.flags).files[0] as string;
    if (!entry) return failure(`cannot rename the context ${quote(from)}, it's not in ${file}`);
    if (c.contexts.some((x) => x.name === to))
      return failure(`cannot rename the context ${quote(from)}, the context ${quote(to)} already exists in ${file}`);
    const wrong = change(ctx, entry.file, (k) => ({
      ...k,
      contexts: put(
        k.contexts.filter((x) => x.name !== from),
        { ...entry, name: to },
      ),
      currentContext: k.currentContext === from ? to : k.currentContext,
    }));
    if (wrong) return wrong;
    yield* ctx.out(`Context ${quote(from)} renamed to ${quote(to)}.\n`);
    return 0;
  },
);

export const configVerb: Verb = {
  name: 'config',
  use: 'config SUBCOMMAND',
  short: 'Modify kubeconfig files',
  long: `Modify kubeconfig files using subcommands like "kubectl config set current-context my-context".

 The loading order follows these rules:

  1.  If the --kubeconfig flag is set, then only that file is loaded. The flag may only be set once and no merging takes place.
  2.  If $KUBECONFIG environment variable is set, then it is used as a list of paths (normal path delimiting rules for your system). These paths are merged. When a value is modified, it is modified in the file that defines the stanza. When a value is created, it is created in the first file that exists. If no files in the chain exist, then it creates the last file in the list.
  3.  Otherwise, \${HOME}/.kube/config is used and no merging takes place.`,
  flags: [],
  subcommands: [
    currentContext,
    remove('delete-cluster', 'clusters'),
    remove('delete-context', 'contexts'),
    remove('delete-user', 'users'),
    names('get-clusters', 'clusters', 'clusters'),
    getContexts,
    names('get-users', 'users', 'users'),
    renameContext,
    set,
    setCluster,
    setContext,
    setCredentials,
    unset,
    useContext,
    view,
  ],
};
