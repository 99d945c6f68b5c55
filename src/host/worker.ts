/** The Web Worker: lends its clock and message loop to a HostSession. */

import { loadLab } from 'virtual:hopwise-labs';
import { loadPrograms } from 'virtual:hopwise-programs';
import type { FromWorker, ToWorker } from './protocol.ts';
import { HostSession } from './session.ts';

const turns: (() => void)[] = [];
const channel = new MessageChannel();
channel.port1.onmessage = () => turns.shift()?.();

/** The programs that no world needs at its start come a moment after the first output (a prompt, mostly), or when they are needed. */
const PROGRAMS_AFTER_MS = 250;
let complete = false;
const allPrograms = async () => {
  await Promise.all([loadPrograms(), import('./past.ts')]);
  complete = true;
};

const host = new HostSession(
  (message: FromWorker) => {
    self.postMessage(message);
    if (message.t === 'output' && !complete) setTimeout(allPrograms, PROGRAMS_AFTER_MS);
  },
  {
    now: () => performance.now(),
    soon: (run) => {
      turns.push(run);
      channel.port2.postMessage(0);
    },
    later: (ms, run) => {
      const id = setTimeout(run, ms);
      return () => clearTimeout(id);
    },
    lab: loadLab,
    programs: (lab) => (lab === undefined ? allPrograms() : loadPrograms(lab)),
    get complete() {
      return complete;
    },
  },
);

const needsPrograms = (m: ToWorker) => m.t === 'input' || m.t === 'judge' || m.t === 'rehearse';

/** One message after the other, also where one waits for a lab or the programs to load. */
let tail: Promise<void> = Promise.resolve();
self.onmessage = ({ data }: MessageEvent<ToWorker>) => {
  tail = tail.then(async () => {
    if (needsPrograms(data)) await allPrograms();
    await host.receive(data);
  });
};
