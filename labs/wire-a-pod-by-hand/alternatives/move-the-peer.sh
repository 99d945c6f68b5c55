# The peer is made on the node, moved into the namespace and renamed there.
ip netns add blue
ip link add vh-blue mtu 1450 type veth peer name vp-blue mtu 1450
ip link set vp-blue netns blue
ip netns exec blue ip link set vp-blue name eth0
ip link set vh-blue master cni0
ip link set vh-blue up
ip netns exec blue sh -c 'ip link set lo up; ip addr add 10.244.1.50/24 dev eth0; ip link set eth0 up; ip route add default via 10.244.1.1'
