/** The table of kubectl's commands in the groups of `kubectl --help`. Models NewKubectlCommand() of kubectl/pkg/cmd/cmd.go */

import type { Verb } from './verb.ts';

export interface VerbGroup {
  readonly title: string;
  readonly verbs: readonly Verb[];
}

/** Order within a group and of the groups is that of the help text. */
export const GROUPS: readonly VerbGroup[] = [
  { title: 'Basic Commands (Beginner):', verbs: [] },
  { title: 'Basic Commands (Intermediate):', verbs: [] },
  { title: 'Deploy Commands:', verbs: [] },
  { title: 'Cluster Management Commands:', verbs: [] },
  { title: 'Troubleshooting and Debugging Commands:', verbs: [] },
  { title: 'Advanced Commands:', verbs: [] },
  { title: 'Settings Commands:', verbs: [] },
];

/** `Other Commands:` of the help text, sorted by name. */
export const OTHERS: readonly Verb[] = [];

export const VERBS: readonly Verb[] = [...GROUPS.flatMap((g) => g.verbs), ...OTHERS];
