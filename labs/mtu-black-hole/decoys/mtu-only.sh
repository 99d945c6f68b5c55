#@ answer border 1422
#@ answer narrow flannel.1
#@ host node-1 node-2 cp-1
sed -i 's/"mtu": {{wrong}}/"mtu": 1450/' /etc/cni/net.d/10-flannel.conflist
ip link set cni0 mtu 1450
#@ host cp-1
kubectl rollout restart deployment/{{names.0}} deployment/{{names.1}} deployment/{{names.2}}
for name in {{names.0}} {{names.1}} {{names.2}}; do kubectl rollout status deployment/$name --timeout=60s; done
