/** kubectl kustomize: there is no kustomize here. Models the flags of kustomize's build command */

import { failure } from './errors.ts';
import type { Verb } from './verb.ts';

export const kustomizeVerb: Verb = {
  name: 'kustomize',
  use: 'kustomize DIR [flags]',
  short: 'Build a kustomization target from a directory or URL',
  long: "Build a set of KRM resources using a 'kustomization.yaml' file. The DIR argument must be a path to a directory containing 'kustomization.yaml', or a git repository URL with a path suffix specifying same with respect to the repository root. If DIR is omitted, '.' is assumed.",
  flags: [],
  // biome-ignore lint/correctness/useYield: it only refuses
  *run() {
    return failure('kubectl kustomize is not emulated');
  },
};
