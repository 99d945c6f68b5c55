#@ answer border 1422
#@ answer narrow flannel.1
#@ host node-1 node-2 cp-1
ip link set cni0 mtu 1450
for veth in /sys/class/net/veth*; do ip link set ${veth##*/} mtu 1450; done
for ns in $(ip netns list | cut -d' ' -f1); do ip -n $ns link set eth0 mtu 1450; done
