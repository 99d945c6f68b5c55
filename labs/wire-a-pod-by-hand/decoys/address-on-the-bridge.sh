ip netns add {{name}}
ip -n {{name}} link set lo up
ip addr add {{ip}}/24 dev cni0
