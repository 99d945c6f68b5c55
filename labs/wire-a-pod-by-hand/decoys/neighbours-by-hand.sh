# A host route instead of a bridge port, and web-a is told by hand whom to ask: the next pod is not.
ip netns add {{name}}
ip link add veth-{{name}} mtu 1450 type veth peer name eth0 mtu 1450 netns {{name}}
ip link set veth-{{name}} up
ip route add {{ip}}/32 dev veth-{{name}}
ip -n {{name}} link set lo up
ip -n {{name}} link set eth0 up
ip -n {{name}} addr add {{ip}}/32 dev eth0
ip -n {{name}} route add 10.244.1.1 dev eth0 scope link
ip -n {{name}} route add default via 10.244.1.1
#@ host web-a
ip neigh replace {{ip}} lladdr 0a:58:0a:f4:01:01 dev eth0 nud permanent
