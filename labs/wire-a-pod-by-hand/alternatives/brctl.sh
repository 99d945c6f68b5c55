# bridge-utils instead of iproute2 for the bridge, hairpin mode as CNI's bridge plugin can set it.
ip netns add {{name}}
ip link add veth-{{name}} mtu 1450 type veth peer name eth0 mtu 1450 netns {{name}}
brctl addif cni0 veth-{{name}}
brctl hairpin cni0 veth-{{name}} on
ip link set veth-{{name}} up
nsenter --net=/run/netns/{{name}} ip link set lo up
nsenter --net=/run/netns/{{name}} ip link set eth0 up
nsenter --net=/run/netns/{{name}} ip addr add {{ip}}/24 brd + dev eth0
nsenter --net=/run/netns/{{name}} ip route add default via 10.244.1.1 dev eth0
