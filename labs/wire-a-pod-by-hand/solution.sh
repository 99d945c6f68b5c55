ip netns add {{name}}
ip link add veth-{{name}} type veth peer name eth0 netns {{name}}
ip link set veth-{{name}} mtu 1450 master cni0 up
ip -n {{name}} link set eth0 mtu 1450 up
ip -n {{name}} link set lo up
ip -n {{name}} addr add {{ip}}/24 dev eth0
ip -n {{name}} route add default via 10.244.1.1
ip netns exec {{name}} ping -c1 10.244.2.7
