#@ answer border 1422
#@ answer narrow flannel.1
#@ host node-1 node-2 cp-1 rtr
{{filter.undo}}
#@ host cp-1
kubectl -n kube-flannel rollout restart daemonset/kube-flannel-ds
kubectl -n kube-flannel rollout status daemonset/kube-flannel-ds --timeout=60s
kubectl delete pods -l app
kubectl wait --for=condition=Available deployment --all --timeout=60s
