ip netns add blue
ip link add veth-blue mtu 1450 type veth peer name eth0 mtu 1450 netns blue
ip link set veth-blue master cni0 up
ip -n blue link set eth0 up
ip -n blue addr add 10.244.1.50/24 dev eth0
ip -n blue route add default via 10.244.1.1
