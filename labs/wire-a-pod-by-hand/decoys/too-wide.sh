# A /16: the pods of other nodes are looked for on the bridge, where they are not.
ip netns add {{name}}
ip link add veth-{{name}} mtu 1450 type veth peer name eth0 mtu 1450 netns {{name}}
ip link set veth-{{name}} master cni0 up
ip -n {{name}} link set lo up
ip -n {{name}} link set eth0 up
ip -n {{name}} addr add {{ip}}/16 dev eth0
ip -n {{name}} route add default via 10.244.1.1
