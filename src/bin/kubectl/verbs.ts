/** The table of kubectl's commands in the groups of `kubectl --help`. Models NewKubectlCommand() of kubectl/pkg/cmd/cmd.go */

import { apiResourcesVerb, apiVersionsVerb } from './apiresources.ts';
import { configVerb } from './config.ts';
import { getVerb } from './get.ts';
import type { Verb } from './verb.ts';
import { clusterInfoVerb, optionsVerb, versionVerb } from './version.ts';

export interface VerbGroup {
  readonly title: string;
  readonly verbs: readonly Verb[];
}

/** Order within a group and of the groups is that of the help text. */
export const GROUPS: readonly VerbGroup[] = [
  { title: 'Basic Commands (Beginner):', verbs: [] },
  { title: 'Basic Commands (Intermediate):', verbs: [getVerb] },
  { title: 'Deploy Commands:', verbs: [] },
  { title: 'Cluster Management Commands:', verbs: [clusterInfoVerb] },
  { title: 'Troubleshooting and Debugging Commands:', verbs: [] },
  { title: 'Advanced Commands:', verbs: [] },
  { title: 'Settings Commands:', verbs: [] },
];

/** `Other Commands:` of the help text, sorted by name. */
export const OTHERS: readonly Verb[] = [apiResourcesVerb, apiVersionsVerb, configVerb, optionsVerb, versionVerb];

export const VERBS: readonly Verb[] = [...GROUPS.flatMap((g) => g.verbs), ...OTHERS];
