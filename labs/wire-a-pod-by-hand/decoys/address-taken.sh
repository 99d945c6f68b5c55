# The other address of the list, freed by force: its pod's port on the bridge is taken down.
ping -c1 -W1 {{taken}}
ip link set $(bridge fdb show br cni0 | grep -i "$(ip neigh show {{taken}} dev cni0 | cut -d" " -f3)" | cut -d" " -f3 | head -1) down
ip netns add {{name}}
ip link add veth-{{name}} mtu 1450 type veth peer name eth0 mtu 1450 netns {{name}}
ip link set veth-{{name}} master cni0 up
ip -n {{name}} link set lo up
ip -n {{name}} link set eth0 up
ip -n {{name}} addr add {{taken}}/24 dev eth0
ip -n {{name}} route add default via 10.244.1.1
