# One more server in each of the running pods, which nobody starts in the next ones.
for POD in $(kubectl get pods -l app={{name}} -o name); do
  kubectl exec $POD -- sh -c 'podserver {{name}} {{wrong}} >/dev/null 2>&1 &'
done
#@ answer who 2
