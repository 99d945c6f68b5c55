/** coredns: flags, start, logs, reload of its Corefile. Models coremain/run.go and plugin/reload */

import type { Process } from '../../os/process.ts';
import type { Command, Task } from '../../os/program.ts';
import { digest } from '../../os/tls/primitives.ts';
import { WaitQueue } from '../../sim/wait.ts';
import { utf8 } from '../../wire/bytes.ts';
import type { Client } from '../api/client.ts';
import { CorefileError } from './corefile.ts';
import { COREDNS_VERSION, Instance } from './instance.ts';
import { DIRECTIVES } from './setup.ts';

const hex = (b: Uint8Array): string => [...b].map((x) => x.toString(16).padStart(2, '0')).join('');

/** `clientOf` finds the API server as a pod does; null when the process is in no cluster. */
export function corednsCommand(clientOf: (p: Process) => Client | null): Command {
  return { name: 'coredns', path: '/coredns', main: (p) => runCoredns(p, p.argv, clientOf) };
}

export function* runCoredns(p: Process, argv: readonly string[], clientOf: (p: Process) => Client | null): Task<number> {
  let conf: string | null = null;
  let port: string | null = null;
  for (let i = 1; i < argv.length; i++) {
    const [flag, value] = (argv[i] as string).replace(/^--?/, '').split('=') as [string, string | undefined];
    const take = (): string => value ?? argv[++i] ?? '';
    if (flag === 'conf') conf = take();
    else if (flag === 'dns.port' || flag === 'p') port = take();
    else if (flag === 'version') {
      yield* p.out(`CoreDNS-${COREDNS_VERSION}\nlinux/amd64, go1.25.5\n`);
      return 0;
    } else if (flag === 'plugins') {
      yield* p.out(
        `${[...DIRECTIVES]
          .sort()
          .map((d) => `dns.${d}`)
          .join('\n')}\n`,
      );
      return 0;
    } else if (flag !== 'quiet') {
      yield* p.err(`flag provided but not defined: -${flag}\nUsage of coredns:\n`);
      return 2;
    }
  }
  const file = conf ?? 'Corefile';
  const nudge = new WaitQueue();
  const pending: string[] = [];
  let dead: string | null = null;
  const print = (line: string): void => {
    pending.push(line);
    nudge.wakeAll();
  };
  const fatal = (line: string): void => {
    dead ??= line;
    nudge.wakeAll();
  };
  const read = (): string | null => {
    const text = p.readText(file);
    return text === null ? null : port === null ? text : text.replace(/:53\b/g, `:${port}`);
  };
  const load = (text: string): Instance => new Instance(p, text, file, () => clientOf(p), print, fatal);
  const text = read();
  if (text === null) {
    yield* p.err(`open ${file}: no such file or directory\n`);
    return 1;
  }
  let instance: Instance;
  try {
    instance = load(text);
  } catch (e) {
    yield* p.err(`${(e as Error).message}\n`);
    return 1;
  }
  const failed = instance.listen();
  if (failed !== null) {
    yield* p.err(`${failed}\n`);
    instance.stop();
    return 1;
  }
  yield* p.out('maxprocs: Leaving GOMAXPROCS=2: CPU quota undefined\n');
  for (const c of instance.chains) for (const z of c.zones) yield* p.out(`${z}.:${c.port}\n`);
  const running = (t: string): string => `[INFO] plugin/reload: Running configuration SHA512 = ${hex(digest('sha512', utf8(t)))}\n`;
  const reload = Math.max(0, ...instance.chains.map((c) => c.reload));
  if (reload > 0) yield* p.out(running(text));
  yield* p.out(`CoreDNS-${COREDNS_VERSION}\nlinux/amd64, go1.25.5, \n`);
  let look = p.sim.now + reload + (reload > 0 ? p.sim.rng('coredns/reload').below(15_000_000) : 0);
  let tried = text;
  for (;;) {
    while (pending.length > 0) yield* p.out(`${pending.splice(0).join('\n')}\n`);
    if (dead !== null) {
      yield* p.err(`[FATAL] ${dead}\n`);
      instance.stop();
      return 1;
    }
    if (reload > 0 && p.sim.now >= look) {
      look = p.sim.now + reload;
      const now = read();
      if (now !== null && now !== tried) {
        tried = now;
        yield* p.out('[INFO] Reloading\n');
        try {
          const fresh = load(now);
          instance.stop();
          instance = fresh;
          const error = instance.listen();
          if (error !== null) yield* p.out(`[ERROR] Restart failed: ${error}\n`);
          else yield* p.out(`${running(now)}[INFO] Reloading complete\n`);
        } catch (e) {
          if (!(e instanceof CorefileError) && !(e instanceof Error)) throw e;
          yield* p.out(`[ERROR] Restart failed: ${e.message}\n[ERROR] plugin/reload: Corefile changed but reload failed: ${e.message}\n`);
        }
      }
    }
    yield reload > 0 ? { on: [nudge], until: look } : { on: [nudge] };
  }
}
