# The other address of the list, taken away from whom it belongs to.
for ns in $(ip netns list | cut -d" " -f1); do ip -n $ns addr del {{taken}}/24 dev eth0 2>/dev/null; done
ip netns add {{name}}
ip link add veth-{{name}} mtu 1450 type veth peer name eth0 mtu 1450 netns {{name}}
ip link set veth-{{name}} master cni0 up
ip -n {{name}} link set lo up
ip -n {{name}} link set eth0 up
ip -n {{name}} addr add {{taken}}/24 dev eth0
ip -n {{name}} route add default via 10.244.1.1
