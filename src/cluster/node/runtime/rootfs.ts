/** A container's root file system: its image's programs and files under a writable layer. Models containerd's overlayfs snapshots */

import { etcFiles } from '../../../os/etc.ts';
import { Directory, type Inode, RegularFile, Symlink } from '../../../os/inode.ts';
import type { Machine } from '../../../os/machine.ts';
import type { Process } from '../../../os/process.ts';
import type { Base, Image } from '../../images/image.ts';

const words = (text: string): string[] => text.split(/\s+/).filter((w) => w !== '');

/** Applets of BusyBox that are emulated; in an alpine or busybox image they are links to one program. */
export const APPLETS =
  words(`[ arp arping awk base64 basename brctl cat chmod chown clear cmp comm cp cut date diff dirname dmesg dnsdomainname echo
  egrep env expr false fgrep find fold free grep head hexdump hostname id ifconfig ip kill killall ln ls lsof md5sum mkdir mktemp mount mv nc
  netstat nl nohup nproc nslookup nsenter od paste pgrep pidof ping ping6 pkill printenv printf ps readlink realpath rev rm rmdir route sed seq setsid sh sha1sum
  sha256sum sha512sum shuf sleep sort stat stty sysctl tac tail tar tee telnet test timeout top touch tr traceroute traceroute6 true truncate tty umount
  uname uniq unshare uptime vi watch wc wget which whoami xargs xxd yes`);

const DEBIAN =
  words(`awk base32 base64 basename [ cat chmod chown clear cmp column comm cp cut date diff dirname echo egrep env expr false fgrep find fold getent
  grep head hostname id ipcmk ipcrm ipcs join ln ls md5sum mkdir mktemp mount mv nl nohup nproc od paste pidof printenv printf readlink realpath rev rm rmdir sed seq setsid
  sha1sum sha256sum sha512sum shuf sleep sort stat stty tac tail tar tee test timeout touch tr true truncate tty umount uname uniq wc which whoami xargs yes bash`);

const BASE_ENTRIES: Readonly<Record<Base, { readonly programs: readonly string[]; readonly musl: boolean }>> = {
  alpine: { programs: [], musl: true },
  busybox: { programs: [], musl: false },
  debian: { programs: DEBIAN, musl: false },
  scratch: { programs: [], musl: false },
};

const ALPINE_RELEASE = '3.22.2\n';
const ALPINE_OS = `NAME="Alpine Linux"
ID=alpine
VERSION_ID=3.22.2
PRETTY_NAME="Alpine Linux v3.22"
HOME_URL="https://alpinelinux.org/"
BUG_REPORT_URL="https://gitlab.alpinelinux.org/alpine/aports/-/issues"
`;
const ALPINE_PASSWD = `root:x:0:0:root:/root:/bin/sh
bin:x:1:1:bin:/bin:/sbin/nologin
daemon:x:2:2:daemon:/sbin:/sbin/nologin
curl_user:x:100:101:Linux User,,,:/home/curl_user:/sbin/nologin
nginx:x:101:101:nginx:/var/cache/nginx:/sbin/nologin
redis:x:999:1000::/home/redis:/bin/sh
nobody:x:65534:65534:nobody:/:/sbin/nologin
`;
const ALPINE_GROUP = 'root:x:0:root\nbin:x:1:root,bin,daemon\ndaemon:x:2:root,bin,daemon\ntty:x:5:\nnginx:x:101:nginx\nnobody:x:65534:\n';

type Offer = ReadonlyMap<string, () => Inode>;

/** Executables of an image by folder, worked out once for a machine. */
const offers = new WeakMap<Machine, Map<Image, ReadonlyMap<string, Offer>>>();

function programs(machine: Machine, image: Image): ReadonlyMap<string, Offer> {
  let known = offers.get(machine);
  if (!known) {
    known = new Map();
    offers.set(machine, known);
  }
  const made = known.get(image);
  if (made) return made;
  const folders = new Map<string, Map<string, () => Inode>>();
  const put = (path: string, make: () => Inode): void => {
    const slash = path.lastIndexOf('/');
    const folder = path.slice(0, slash);
    const entries = folders.get(folder) ?? new Map<string, () => Inode>();
    folders.set(folder, entries);
    entries.set(path.slice(slash + 1), make);
  };
  const executable = (name: string) => (): Inode => {
    const command = machine.commands.get(name);
    const file = new RegularFile(`\x7fELF ${name}\n`, 0o755);
    if (command) file.program = command;
    return file;
  };
  if (image.base === 'alpine' || image.base === 'busybox') {
    put('/bin/busybox', executable('busybox'));
    for (const applet of APPLETS) put(`/bin/${applet}`, () => new Symlink('/bin/busybox'));
  }
  for (const entry of [...BASE_ENTRIES[image.base].programs, ...(image.programs ?? [])]) {
    const [name = '', path] = entry.split('=');
    const command = machine.commands.get(name);
    if (!command) continue;
    const at = path ?? command.path ?? `/usr/bin/${name}`;
    const real = image.base === 'debian' ? at.replace(/^\/(s?bin)\//, '/usr/$1/') : at;
    put(real, executable(name));
    const folder = real.slice(0, real.lastIndexOf('/'));
    for (const alias of command.aliases ?? []) {
      const taken = folders.get('/bin')?.has(alias) && folder !== '/bin' && image.base !== 'debian';
      if (!taken) put(`${folder}/${alias}`, () => new Symlink(real));
    }
  }
  // No image has it: it is how a learner asks what became of packets, also from within a pod that has a shell.
  if (image.base !== 'scratch' && machine.commands.has('why')) put('/usr/local/bin/why', executable('why'));
  known.set(image, folders);
  return folders;
}

/** The directory at `path` below `root`, made with its parents when missing; links are not followed. */
export function directoryIn(root: Directory, path: string, init: Process): Directory {
  let dir = root;
  for (const part of path.split('/')) {
    if (part === '') continue;
    let next = dir.lookup(part, init);
    if (next instanceof Symlink) next = directoryIn(root, next.target(init), init);
    if (!(next instanceof Directory)) {
      next = new Directory();
      dir.link(part, next);
    }
    dir = next as Directory;
  }
  return dir;
}

/** Makes what an image's list of files says below `root`. */
function unpack(root: Directory, files: Readonly<Record<string, string>>, init: Process): void {
  for (const [path, text] of Object.entries(files)) {
    if (path.endsWith('/')) {
      directoryIn(root, path, init);
      continue;
    }
    const slash = path.lastIndexOf('/');
    const node = text.startsWith('-> ') ? new Symlink(text.slice(3)) : new RegularFile(text, text.startsWith('#!') ? 0o755 : 0o644);
    directoryIn(root, path.slice(0, slash), init).link(path.slice(slash + 1), node);
  }
}

function etc(machine: Machine, dir: Directory, base: Base): void {
  if (base === 'scratch') {
    dir.link('passwd', new RegularFile('root:x:0:0:root:/root:/sbin/nologin\nnobody:x:65534:65534:nobody:/nonexistent:/sbin/nologin\n'));
    dir.link('group', new RegularFile('root:x:0:\nnobody:x:65534:\n'));
    return;
  }
  etcFiles(dir, 'localhost');
  const file = (name: string, text: string | (() => string)): void => void dir.link(name, new RegularFile(text));
  const services = machine.packaged('getent', '/etc/services');
  if (services !== undefined) file('services', services);
  if (base === 'debian') {
    file('hostname', '');
    return;
  }
  dir.unlink('debian_version');
  file('passwd', ALPINE_PASSWD);
  file('group', ALPINE_GROUP);
  file('shells', '/bin/sh\n/bin/ash\n');
  if (base === 'alpine') {
    file('alpine-release', ALPINE_RELEASE);
    file('os-release', ALPINE_OS);
  } else dir.unlink('os-release');
}

/** A fresh root for a container of `image`; /proc, /sys and /dev are mounted by whoever starts it. */
export function rootOf(machine: Machine, image: Image): Directory {
  const { init } = machine;
  return new Directory((root) => {
    const dir = (name: string, fill?: (d: Directory) => void, mode?: number): Directory => {
      const made = new Directory(fill, mode);
      root.link(name, made);
      return made;
    };
    dir('etc', (d) => etc(machine, d, image.base));
    for (const name of ['proc', 'sys', 'dev', 'run', 'var', 'usr']) dir(name);
    dir('tmp', undefined, 0o1777);
    if (image.base !== 'scratch') for (const name of ['home', 'opt', 'mnt', 'srv', 'media']) dir(name);
    dir('root', undefined, 0o700);
    directoryIn(root, '/var/log', init);
    directoryIn(root, '/usr/bin', init);
    directoryIn(root, '/usr/sbin', init);
    if (image.base === 'debian') for (const name of ['bin', 'sbin', 'lib']) root.link(name, new Symlink(`usr/${name}`));
    else if (image.base !== 'scratch') for (const name of ['bin', 'sbin', 'lib']) dir(name);
    directoryIn(root, '/var', init).link('run', new Symlink('/run'));
    if (BASE_ENTRIES[image.base].musl) directoryIn(root, '/lib', init).link('ld-musl-x86_64.so.1', new RegularFile('', 0o755));
    if (image.files) unpack(root, image.files, init);
    for (const [path, program] of Object.entries(image.packaged ?? {})) {
      const slash = path.lastIndexOf('/');
      const text = machine.packaged(program, path);
      if (text !== undefined) directoryIn(root, path.slice(0, slash), init).link(path.slice(slash + 1), new RegularFile(text));
    }
    for (const [folder, offer] of programs(machine, image)) directoryIn(root, folder, init).offer(offer);
  });
}
