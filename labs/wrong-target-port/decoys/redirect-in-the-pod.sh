for POD in $(kubectl get pods -l app={{name}} -o name); do
  kubectl exec $POD -- iptables -t nat -A PREROUTING -p tcp --dport {{wrong}} -j REDIRECT --to-ports {{port}}
done
#@ answer who 2
