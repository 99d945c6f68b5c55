/** kubectl create configmap | secret: keys from files, directories, literals and env files. Models create_configmap.go, create_secret*.go and pkg/util/hash */

import type { Process } from '../../../os/process.ts';
import { digest } from '../../../os/tls/primitives.ts';
import { strerror } from '../../../sim/errno.ts';
import { text, utf8 } from '../../../wire/bytes.ts';
import { toBase64 } from '../../../wire/der.ts';
import { Failure, failure } from '../errors.ts';
import type { Flag } from '../flags.ts';
import { goJson, type JsonObject } from '../json.ts';
import { quote } from '../strconv.ts';
import { configMapKey, envVarName } from '../validation.ts';
import type { Ctx, Verb } from '../verb.ts';
import { onlySubcommands } from './service.ts';
import { builtin, createVerb, head } from './spec.ts';
import { keyPair } from './tls.ts';

type Add = (key: string, data: Uint8Array) => Failure | null;

/** ParseFileSource(): `[key=]path`. */
function fileSource(source: string): { key: string; path: string } | Failure {
  const n = source.split('=').length - 1;
  if (n === 0) return { key: source.replace(/\/+$/, '').split('/').at(-1) || '/', path: source };
  if (n === 1 && source.startsWith('=')) return failure(`key name for file path ${source.slice(1)} missing`);
  if (n === 1 && source.endsWith('=')) return failure(`file path for key name ${source.slice(0, -1)} missing`);
  if (n > 1) return failure("key names or file paths cannot contain '='");
  const [key, path] = source.split('=') as [string, string];
  return { key, path };
}

function readInto(p: Process, key: string, path: string, add: Add): Failure | null {
  const r = p.readFile(path);
  return r.ok ? add(key, r.value) : failure(`open ${path}: ${strerror(r.errno).toLowerCase()}`);
}

function fromFiles(p: Process, sources: readonly string[], add: Add): Failure | null {
  for (const source of sources) {
    const s = fileSource(source);
    if (s instanceof Failure) return s;
    const st = p.stat(s.path);
    if (!st.ok) return failure(`error reading ${s.path}: ${strerror(st.errno).toLowerCase()}`);
    if (st.value.kind !== 'dir') {
      const wrong = readInto(p, s.key, s.path, add);
      if (wrong) return wrong;
      continue;
    }
    if (source.includes('=')) return failure('cannot give a key name for a directory path');
    const names = p.readdir(s.path);
    if (!names.ok) return failure(`error listing files in ${s.path}: open ${s.path}: ${strerror(names.errno).toLowerCase()}`);
    for (const name of [...names.value].sort()) {
      const path = `${s.path.replace(/\/+$/, '')}/${name}`;
      const entry = p.lstat(path);
      if (!entry.ok || entry.value.kind !== 'file') continue;
      const wrong = readInto(p, name, path, add);
      if (wrong) return wrong;
    }
  }
  return null;
}

function fromLiterals(sources: readonly string[], add: Add): Failure | null {
  for (const source of sources) {
    const eq = source.indexOf('=');
    if (eq <= 0) return failure(`invalid literal source ${source}, expected key=value`);
    const wrong = add(source.slice(0, eq), utf8(source.slice(eq + 1)));
    if (wrong) return wrong;
  }
  return null;
}

function fromEnvFiles(p: Process, files: readonly string[], what: string, add: Add): Failure | null {
  for (const file of files) {
    const st = p.stat(file);
    if (!st.ok) return failure(`error reading ${file}: ${strerror(st.errno).toLowerCase()}`);
    if (st.value.kind === 'dir') return failure(`env ${what} file cannot be a directory`);
    const r = p.readFile(file);
    if (!r.ok) return failure(`open ${file}: ${strerror(r.errno).toLowerCase()}`);
    const lines = text(r.value).split('\n');
    if (lines.at(-1) === '') lines.pop();
    for (const [i, raw] of lines.entries()) {
      const line = (i === 0 ? raw.replace(/^\ufeff/, '') : raw).replace(/\r$/, '').trimStart();
      if (line === '' || line.startsWith('#')) continue;
      const eq = line.indexOf('=');
      const key = eq < 0 ? line : line.slice(0, eq);
      const wrong = envVarName(key);
      if (wrong.length > 0) return failure(`${quote(key)} is not a valid key name: ${wrong.join(';')}`);
      const bad = add(key, utf8(eq < 0 ? (p.env.get(key) ?? '') : line.slice(eq + 1)));
      if (bad) return bad;
    }
  }
  return null;
}

/** The first 40 bits of a digest, without vowels. */
function hashName(encoded: string): string {
  const hex = [...digest('sha256', utf8(encoded))].map((b) => b.toString(16).padStart(2, '0')).join('');
  const map: Readonly<Record<string, string>> = { '0': 'g', '1': 'h', '3': 'k', a: 'm', e: 't' };
  return [...hex.slice(0, 10)].map((c) => map[c] ?? c).join('');
}

const sources = (what: string): readonly Flag[] => [
  {
    name: 'from-file',
    type: 'stringSlice',
    usage:
      what === 'configmap'
        ? 'Key file can be specified using its file path, in which case file basename will be used as configmap key, or optionally with a key and file path, in which case the given key will be used.  Specifying a directory will iterate each named file in the directory whose basename is a valid configmap key.'
        : 'Key files can be specified using their file path, in which case a default name will be given to them, or optionally with a name and file path, in which case the given name will be used.  Specifying a directory will iterate each named file in the directory that is a valid secret key.',
  },
  { name: 'from-literal', type: 'stringArray', usage: `Specify a key and literal value to insert in ${what} (i.e. mykey=somevalue)` },
  { name: 'from-env-file', type: 'stringSlice', usage: `Specify the path to a file to read lines of key=val pairs to create a ${what}.` },
];

const hashFlag = (what: string): Flag => ({ name: 'append-hash', type: 'bool', usage: `Append a hash of the ${what} to its name.` });

/** Whether the bytes are UTF-8. */
function isText(data: Uint8Array): boolean {
  const again = utf8(text(data));
  return again.length === data.length && again.every((b, i) => b === data[i]);
}

const sorted = (o: Record<string, string>): Record<string, string> =>
  Object.fromEntries(Object.entries(o).sort(([a], [b]) => (a < b ? -1 : 1)));

function combined(ctx: Ctx): Failure | null {
  if (ctx.list('from-env-file').length > 0 && (ctx.list('from-file').length > 0 || ctx.list('from-literal').length > 0))
    return failure('from-env-file cannot be combined with from-file or from-literal');
  return null;
}

export const createConfigMapVerb = createVerb({
  name: 'configmap',
  aliases: ['cm'],
  use: 'configmap NAME [--from-file=[key=]source] [--from-literal=key1=value1] [--dry-run=server|client|none]',
  short: 'Create a config map from a local file, directory or literal value',
  long: 'Create a config map based on a file, directory, or specified literal value.\n\n A single config map may package one or more key/value pairs.\n\n When creating a config map based on a file, the key will default to the basename of the file, and the value will default to the file content.  If the basename is an invalid key, you may specify an alternate key.\n\n When creating a config map based on a directory, each file whose basename is a valid key in the directory will be packaged into the config map.  Any directory entries except regular files are ignored (e.g. subdirectories, symlinks, devices, pipes, etc).',
  example:
    '  # Create a new config map named my-config based on folder bar\n  kubectl create configmap my-config --from-file=path/to/bar\n  \n  # Create a new config map named my-config with specified keys instead of file basenames on disk\n  kubectl create configmap my-config --from-file=key1=/path/to/bar/file1.txt --from-file=key2=/path/to/bar/file2.txt\n  \n  # Create a new config map named my-config with key1=config1 and key2=config2\n  kubectl create configmap my-config --from-literal=key1=config1 --from-literal=key2=config2\n  \n  # Create a new config map named my-config from the key=value pairs in the file\n  kubectl create configmap my-config --from-file=path/to/bar\n  \n  # Create a new config map named my-config from an env file\n  kubectl create configmap my-config --from-env-file=path/to/foo.env --from-env-file=path/to/bar.env',
  flags: [...sources('configmap'), hashFlag('configmap')],
  mapping: builtin('', 'v1', 'ConfigMap', 'configmaps'),
  failed: 'failed to create configmap: ',
  generate(ctx, name) {
    if (name === '') return failure('name must be specified');
    const data: Record<string, string> = {};
    const binaryData: Record<string, string> = {};
    const add: Add = (key, bytes) => {
      const wrong = configMapKey(key);
      if (wrong.length > 0) return failure(`${quote(key)} is not a valid key name for a ConfigMap: ${wrong.join(',')}`);
      for (const [field, has] of [
        ['Data', data],
        ['BinaryData', binaryData],
      ] as const)
        if (key in has)
          return failure(`cannot add key ${quote(key)}, another key by that name already exists in ${field} for ConfigMap ${quote(name)}`);
      if (isText(bytes)) data[key] = text(bytes);
      else binaryData[key] = toBase64(bytes);
      return null;
    };
    const wrong =
      combined(ctx) ??
      fromFiles(ctx.p, ctx.list('from-file'), add) ??
      fromLiterals(ctx.list('from-literal'), add) ??
      fromEnvFiles(ctx.p, ctx.list('from-env-file'), 'config', add);
    if (wrong) return wrong;
    const binary = Object.keys(binaryData).length > 0 ? { binaryData: sorted(binaryData) } : {};
    const full = ctx.bool('append-hash') ? `${name}-${hashName(goJson({ kind: 'ConfigMap', name, data, ...binary }))}` : name;
    return { ...head('v1', 'ConfigMap', { name: full }), ...(Object.keys(data).length > 0 ? { data: sorted(data) } : {}), ...binary };
  },
});

/** A secret of keys and values; `add` complains as kubectl does. */
function secretData(): { data: Record<string, string>; add: Add } {
  const data: Record<string, string> = {};
  return {
    data,
    add: (key, bytes) => {
      const wrong = configMapKey(key);
      if (wrong.length > 0) return failure(`${quote(key)} is not valid key name for a Secret ${wrong.join(';')}`);
      if (key in data) return failure(`cannot add key ${key}, another key by that name already exists`);
      data[key] = toBase64(bytes);
      return null;
    },
  };
}

function secret(ctx: Ctx, name: string, type: string, data: Record<string, string>): JsonObject {
  const full = ctx.bool('append-hash') ? `${name}-${hashName(goJson({ kind: 'Secret', type, name, data }))}` : name;
  return {
    ...head('v1', 'Secret', { name: full }),
    ...(Object.keys(data).length > 0 ? { data: sorted(data) } : {}),
    ...(type === '' ? {} : { type }),
  };
}

const SECRETS = { mapping: builtin('', 'v1', 'Secret', 'secrets'), failed: 'failed to create secret ' };

const genericVerb = createVerb({
  ...SECRETS,
  name: 'generic',
  use: 'generic NAME [--type=string] [--from-file=[key=]source] [--from-literal=key1=value1] [--dry-run=server|client|none]',
  short: 'Create a secret from a local file, directory, or literal value',
  flags: [...sources('secret'), { name: 'type', type: 'string', usage: 'The type of secret to create' }, hashFlag('secret')],
  generate(ctx, name) {
    if (name === '') return failure('name must be specified');
    const { data, add } = secretData();
    const wrong =
      combined(ctx) ??
      fromFiles(ctx.p, ctx.list('from-file'), add) ??
      fromLiterals(ctx.list('from-literal'), add) ??
      fromEnvFiles(ctx.p, ctx.list('from-env-file'), 'secret', add);
    return wrong ?? secret(ctx, name, ctx.str('type'), data);
  },
});

const tlsVerb = createVerb({
  ...SECRETS,
  name: 'tls',
  use: 'tls NAME --cert=path/to/cert/file --key=path/to/key/file [--dry-run=server|client|none]',
  short: 'Create a TLS secret',
  flags: [
    { name: 'cert', type: 'string', usage: 'Path to PEM encoded public key certificate.' },
    { name: 'key', type: 'string', usage: 'Path to private key associated with given certificate.' },
    hashFlag('secret'),
  ],
  generate(ctx, name) {
    const [certFile, keyFile] = [ctx.str('cert'), ctx.str('key')];
    if (certFile === '' || keyFile === '') return failure('key and cert must be specified');
    const read = (file: string): Uint8Array | Failure => {
      const r = ctx.p.readFile(file);
      return r.ok ? r.value : failure(`Cannot read file ${file}, open ${file}: ${strerror(r.errno).toLowerCase()}`);
    };
    const cert = read(certFile);
    if (cert instanceof Failure) return cert;
    const key = read(keyFile);
    if (key instanceof Failure) return key;
    const wrong = keyPair(text(cert), text(key));
    if (wrong !== null) return failure(wrong);
    return secret(ctx, name, 'kubernetes.io/tls', { 'tls.crt': toBase64(cert), 'tls.key': toBase64(key) });
  },
});

const DOCKER_KEY = '.dockerconfigjson';

const dockerVerb = createVerb({
  ...SECRETS,
  name: 'docker-registry',
  use: 'docker-registry NAME --docker-username=user --docker-password=password --docker-email=email [--docker-server=string] [--from-file=[key=]source] [--dry-run=server|client|none]',
  short: 'Create a secret for use with a Docker registry',
  flags: [
    { name: 'docker-username', type: 'string', usage: 'Username for Docker registry authentication' },
    { name: 'docker-password', type: 'string', usage: 'Password for Docker registry authentication' },
    { name: 'docker-email', type: 'string', usage: 'Email for Docker registry' },
    { name: 'docker-server', type: 'string', def: 'https://index.docker.io/v1/', usage: 'Server location for Docker registry' },
    hashFlag('secret'),
    {
      name: 'from-file',
      type: 'stringSlice',
      usage:
        'Key files can be specified using their file path, in which case a default name of .dockerconfigjson will be given to them, or optionally with a name and file path, in which case the given name will be used. Specifying a directory will iterate each named file in the directory that is a valid secret key. For this command, the key should always be .dockerconfigjson.',
    },
  ],
  generate(ctx, name) {
    const files = ctx.list('from-file').map((f) => (f.includes('=') ? f : `${DOCKER_KEY}=${f}`));
    const [username, password, email, server] = ['docker-username', 'docker-password', 'docker-email', 'docker-server'].map((f) =>
      ctx.str(f),
    ) as [string, string, string, string];
    if (name === '') return failure('name must be specified');
    if (files.length === 0 && (username === '' || password === '' || server === ''))
      return failure('either --from-file or the combination of --docker-username, --docker-password and --docker-server is required');
    const { data, add } = secretData();
    const auth = toBase64(utf8(`${username}:${password}`));
    const entry = { username, password, ...(email === '' ? {} : { email }), auth };
    const wrong =
      files.length > 0 ? fromFiles(ctx.p, files, add) : add(DOCKER_KEY, utf8(goJson({ auths: { [server]: entry } }, { sorted: false })));
    return wrong ?? secret(ctx, name, 'kubernetes.io/dockerconfigjson', data);
  },
});

export const createSecretVerb: Verb = {
  name: 'secret',
  use: 'secret (docker-registry | generic | tls)',
  short: 'Create a secret using a specified subcommand',
  long: 'Create a secret with specified type.\n\n A docker-registry type secret is for accessing a container registry.\n\n A generic type secret indicate an Opaque secret type.\n\n A tls type secret holds TLS certificate and its associated key.',
  flags: [],
  subcommands: [dockerVerb, genericVerb, tlsVerb],
  run: onlySubcommands,
};
