/** Running another program of the machine and collecting what it prints. Models os/exec as the plugins use it */

import type { OpenFile } from '../../os/file.ts';
import { BytesFile, Collector } from '../../os/pipe.ts';
import type { Process, SpawnOptions, Task } from '../../os/process.ts';
import type { Netns, Result } from '../../os/uapi.ts';
import { text, utf8 } from '../../wire/bytes.ts';

export interface Ran {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunWith {
  readonly stdin?: string;
  readonly env?: Map<string, string>;
  readonly ns?: Netns;
}

/** Starts `argv` as a child and waits for its end. Fails with the errno of exec. */
export function* execute(p: Process, argv: readonly string[], { stdin = '', env, ns }: RunWith = {}): Task<Result<Ran>> {
  const [out, err] = [new Collector(), new Collector()];
  const opts: SpawnOptions = {
    fds: new Map<number, OpenFile>([
      [0, new BytesFile(utf8(stdin))],
      [1, out],
      [2, err],
    ]),
  };
  if (env) opts.env = env;
  if (ns) opts.ns = ns;
  const child = p.spawn(argv, opts);
  if (!child.ok) return child;
  const status = yield* p.waitPid(child.value);
  return { ok: true, value: { status, stdout: text(out.take()), stderr: text(err.take()) } };
}
