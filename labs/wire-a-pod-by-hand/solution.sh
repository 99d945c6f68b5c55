ip netns add blue
ip link add veth-blue type veth peer name eth0 netns blue
ip link set veth-blue mtu 1450 master cni0 up
ip -n blue link set eth0 mtu 1450 up
ip -n blue link set lo up
ip -n blue addr add 10.244.1.50/24 dev eth0
ip -n blue route add default via 10.244.1.1
ip netns exec blue ping -c1 10.244.2.7
