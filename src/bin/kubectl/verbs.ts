/** The table of kubectl's commands in the groups of `kubectl --help`. Models NewKubectlCommand() of kubectl/pkg/cmd/cmd.go */

import { apiResourcesVerb, apiVersionsVerb } from './apiresources.ts';
import { applyVerb } from './apply/apply.ts';
import { authVerb } from './auth/auth.ts';
import { autoscaleVerb } from './autoscale.ts';
import { certificateVerb } from './certificate.ts';
import { completionVerb } from './completion.ts';
import { configVerb } from './config.ts';
import { createVerb } from './create/create.ts';
import { deleteVerb } from './delete.ts';
import { describeVerb } from './describe/describe.ts';
import { diffVerb } from './diff.ts';
import { editVerb } from './edit/edit.ts';
import { eventsVerb } from './events.ts';
import { explainVerb } from './explain.ts';
import { exposeVerb } from './expose.ts';
import { getVerb } from './get.ts';
import { kustomizeVerb } from './kustomize.ts';
import { annotateVerb, labelVerb } from './label.ts';
import { cordonVerb, drainVerb, uncordonVerb } from './node/drain.ts';
import { taintVerb } from './node/taint.ts';
import { patchVerb } from './patchverb.ts';
import { pluginVerb } from './plugin.ts';
import { attachVerb } from './pod/attach.ts';
import { cpVerb } from './pod/cp.ts';
import { debugVerb } from './pod/debug.ts';
import { execVerb } from './pod/exec.ts';
import { logsVerb } from './pod/logs.ts';
import { portForwardVerb } from './pod/portforward.ts';
import { proxyVerb } from './proxy.ts';
import { replaceVerb } from './replace.ts';
import { rolloutVerb } from './rollout/rollout.ts';
import { runVerb } from './run.ts';
import { scaleVerb } from './scale.ts';
import { setVerb } from './set/set.ts';
import { topVerb } from './top.ts';
import type { Verb } from './verb.ts';
import { clusterInfoVerb, optionsVerb, versionVerb } from './version.ts';
import { waitVerb } from './wait.ts';

export interface VerbGroup {
  readonly title: string;
  readonly verbs: readonly Verb[];
}

/** Order within a group and of the groups is that of the help text. */
export const GROUPS: readonly VerbGroup[] = [
  { title: 'Basic Commands (Beginner):', verbs: [createVerb, exposeVerb, runVerb, setVerb] },
  { title: 'Basic Commands (Intermediate):', verbs: [explainVerb, getVerb, editVerb, deleteVerb] },
  { title: 'Deploy Commands:', verbs: [rolloutVerb, scaleVerb, autoscaleVerb] },
  {
    title: 'Cluster Management Commands:',
    verbs: [certificateVerb, clusterInfoVerb, topVerb, cordonVerb, uncordonVerb, drainVerb, taintVerb],
  },
  {
    title: 'Troubleshooting and Debugging Commands:',
    verbs: [describeVerb, logsVerb, attachVerb, execVerb, portForwardVerb, proxyVerb, cpVerb, authVerb, debugVerb, eventsVerb],
  },
  { title: 'Advanced Commands:', verbs: [diffVerb, applyVerb, patchVerb, replaceVerb, waitVerb, kustomizeVerb] },
  { title: 'Settings Commands:', verbs: [labelVerb, annotateVerb, completionVerb] },
];

/** `Other Commands:` of the help text, sorted by name. */
export const OTHERS: readonly Verb[] = [apiResourcesVerb, apiVersionsVerb, configVerb, optionsVerb, pluginVerb, versionVerb];

export const VERBS: readonly Verb[] = [...GROUPS.flatMap((g) => g.verbs), ...OTHERS];
