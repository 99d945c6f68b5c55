# The peer is made on the node, moved into the namespace and renamed there.
ip netns add {{name}}
ip link add vh-{{name}} mtu 1450 type veth peer name vp-{{name}} mtu 1450
ip link set vp-{{name}} netns {{name}}
ip netns exec {{name}} ip link set vp-{{name}} name eth0
ip link set vh-{{name}} master cni0
ip link set vh-{{name}} up
ip netns exec {{name}} sh -c 'ip link set lo up; ip addr add {{ip}}/24 dev eth0; ip link set eth0 up; ip route add default via 10.244.1.1'
