# A host route instead of a bridge port: who comes over a route gets through, who asks by ARP on the bridge does not.
ip netns add {{name}}
ip link add veth-{{name}} mtu 1450 type veth peer name eth0 mtu 1450 netns {{name}}
ip link set veth-{{name}} up
ip route add {{ip}}/32 dev veth-{{name}}
ip -n {{name}} link set lo up
ip -n {{name}} link set eth0 up
ip -n {{name}} addr add {{ip}}/32 dev eth0
ip -n {{name}} route add 10.244.1.1 dev eth0 scope link
ip -n {{name}} route add default via 10.244.1.1
