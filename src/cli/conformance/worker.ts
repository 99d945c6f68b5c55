/** What a conformance worker can be asked for. */

import { parentPort } from 'node:worker_threads';
import { emulateFile } from '../emulate-file.ts';
import { scoreRecording } from '../linux.ts';
import { scoreReference } from '../reference/score.ts';
import { judgeCni } from './cni.ts';
import { judgeDyn } from './kube/dyn.ts';
import { judgePolicies } from './kube/policy-case.ts';
import { judgeProxyCase } from './kube/proxy-case.ts';
import { judgeTrace } from './kube/trace.ts';
import { judgeIptablesRule, judgeNftRule } from './rules.ts';

const tasks = {
  cni: judgeCni,
  linux: scoreRecording,
  emulate: emulateFile,
  reference: scoreReference,
  'iptables-rules': judgeIptablesRule,
  'nft-rules': judgeNftRule,
  'kube-proxy': judgeProxyCase,
  'kube-dyn': judgeDyn,
  networkpolicy: judgePolicies,
  'kube-proxy-trace': judgeTrace,
};

export type Tasks = typeof tasks;
export type Task = keyof Tasks;

parentPort?.on('message', ({ task, item }: { task: Task; item: never }) => {
  try {
    parentPort?.postMessage({ ok: true, value: tasks[task](item) });
  } catch (e) {
    parentPort?.postMessage({ ok: false, why: e instanceof Error ? (e.stack ?? e.message) : String(e) });
  }
});
parentPort?.postMessage('ready');
