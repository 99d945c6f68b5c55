# No bridge port: a /32 in the pod, a host route on the node, and the node answers ARP on both sides (Calico's way).
ip netns add {{name}}
ip link add veth-{{name}} mtu 1450 type veth peer name eth0 mtu 1450 netns {{name}}
ip link set veth-{{name}} up
sysctl -qw net.ipv4.conf.veth-{{name}}.proxy_arp=1
sysctl -qw net.ipv4.conf.cni0.proxy_arp=1
ip route add {{ip}}/32 dev veth-{{name}}
ip -n {{name}} link set lo up
ip -n {{name}} link set eth0 up
ip -n {{name}} addr add {{ip}}/32 dev eth0
ip -n {{name}} route add 169.254.1.1 dev eth0 scope link
ip -n {{name}} route add default via 169.254.1.1
