/** Names of kubectl's own commands, for what may not import their table. */

export const VERBS_BY_NAME: ReadonlySet<string> = new Set(
  'annotate api-resources api-versions apply attach auth autoscale certificate cluster-info completion config cordon cp create debug delete describe diff drain edit events exec explain expose get kuberc kustomize label logs options patch plugin port-forward proxy replace rollout run scale set taint top uncordon version wait'.split(
    ' ',
  ),
);
