/** Runs a tool of the node with given input and waits for its end. Models k8s.io/utils/exec */

import { nullDevice } from '../../os/chardev.ts';
import type { OpenFile } from '../../os/file.ts';
import { BytesFile, Collector } from '../../os/pipe.ts';
import type { Process } from '../../os/process.ts';
import type { Task } from '../../os/program.ts';
import { text, utf8 } from '../../wire/bytes.ts';

export interface Ran {
  /** 127 when there is no such program. */
  readonly status: number;
  readonly out: string;
  readonly err: string;
}

export function* run(p: Process, argv: readonly string[], stdin?: string): Task<Ran> {
  const out = new Collector(64 << 20);
  const err = new Collector(1 << 20);
  const child = p.spawn(argv, {
    fds: new Map<number, OpenFile>([
      [0, stdin === undefined ? nullDevice() : new BytesFile(utf8(stdin))],
      [1, out],
      [2, err],
    ]),
  });
  if (!child.ok) return { status: 127, out: '', err: `exec: "${argv[0]}": executable file not found in $PATH` };
  const status = yield* p.waitPid(child.value);
  return { status, out: text(out.take()), err: text(err.take()) };
}
