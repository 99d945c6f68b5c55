# Both networks by way of one peer.
ip link add flannel.1 type vxlan id 1 local {{me.ip}} dev eth0 dstport 8472 nolearning
ip link set flannel.1 address {{me.mac}}
ip addr add {{me.net}}.0/32 dev flannel.1
ip link set flannel.1 up
ip route add {{me.a-net}}.0/24 via {{me.a-net}}.0 dev flannel.1 onlink
ip neigh add {{me.a-net}}.0 lladdr {{me.a-mac}} dev flannel.1 nud permanent
bridge fdb append {{me.a-mac}} dev flannel.1 dst {{me.a-ip}}
ip route add {{me.b-net}}.0/24 via {{me.a-net}}.0 dev flannel.1 onlink
