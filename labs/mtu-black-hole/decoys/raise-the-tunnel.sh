#@ answer border 1422
#@ answer narrow flannel.1
#@ host node-1 node-2 cp-1
ip link set flannel.1 mtu 1500
