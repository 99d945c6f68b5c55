#@ answer border 1422
#@ answer narrow flannel.1
#@ host node-1
ip link set flannel.1 mtu 1500
#@ host node-2
ip link set flannel.1 mtu 1500
#@ host cp-1
ip link set flannel.1 mtu 1500
