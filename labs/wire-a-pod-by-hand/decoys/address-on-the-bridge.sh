ip netns add blue
ip -n blue link set lo up
ip addr add 10.244.1.50/24 dev cni0
