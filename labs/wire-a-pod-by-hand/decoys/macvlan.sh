# A second card on the node network, which knows nothing of pods.
ip netns add {{name}}
ip link add mv0 link eth0 mtu 1450 type macvlan mode bridge
ip link set mv0 netns {{name}} name eth0
ip -n {{name}} link set lo up
ip -n {{name}} link set eth0 up
ip -n {{name}} addr add {{ip}}/24 dev eth0
ip -n {{name}} route add default via 10.244.1.1
