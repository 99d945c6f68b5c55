# No bridge port: a /32 in the pod, a host route on the node, and the node answers ARP on both sides (Calico's way).
ip netns add blue
ip link add veth-blue mtu 1450 type veth peer name eth0 mtu 1450 netns blue
ip link set veth-blue up
sysctl -qw net.ipv4.conf.veth-blue.proxy_arp=1
sysctl -qw net.ipv4.conf.cni0.proxy_arp=1
ip route add 10.244.1.50/32 dev veth-blue
ip -n blue link set lo up
ip -n blue link set eth0 up
ip -n blue addr add 10.244.1.50/32 dev eth0
ip -n blue route add 169.254.1.1 dev eth0 scope link
ip -n blue route add default via 169.254.1.1
