/** The Web Worker: lends its clock and message loop to a HostSession. */

import { loadLab } from 'virtual:hopwise-labs';
import type { FromWorker, ToWorker } from './protocol.ts';
import { HostSession } from './session.ts';

const turns: (() => void)[] = [];
const channel = new MessageChannel();
channel.port1.onmessage = () => turns.shift()?.();

const host = new HostSession((message: FromWorker) => self.postMessage(message), {
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
});

/** One message after the other, also where one waits for a lab to load. */
let tail: Promise<void> = Promise.resolve();
self.onmessage = ({ data }: MessageEvent<ToWorker>) => {
  tail = tail.then(() => host.receive(data));
};
