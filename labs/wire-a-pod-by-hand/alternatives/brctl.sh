# bridge-utils instead of iproute2 for the bridge, hairpin mode as CNI's bridge plugin can set it.
ip netns add blue
ip link add veth-blue mtu 1450 type veth peer name eth0 mtu 1450 netns blue
brctl addif cni0 veth-blue
brctl hairpin cni0 veth-blue on
ip link set veth-blue up
nsenter --net=/run/netns/blue ip link set lo up
nsenter --net=/run/netns/blue ip link set eth0 up
nsenter --net=/run/netns/blue ip addr add 10.244.1.50/24 brd + dev eth0
nsenter --net=/run/netns/blue ip route add default via 10.244.1.1 dev eth0
