# add and replace instead of append and add, the entries before the routes, no device named for the tunnel.
ip link add flannel.1 address {{me.mac}} type vxlan id 1 local {{me.ip}} dstport 8472 nolearning
ip link set flannel.1 up mtu 1450
bridge fdb add {{me.b-mac}} dev flannel.1 dst {{me.b-ip}} self permanent
ip neigh replace {{me.b-net}}.0 lladdr {{me.b-mac}} dev flannel.1 nud permanent
bridge fdb add {{me.a-mac}} dev flannel.1 dst {{me.a-ip}} self permanent
ip neigh replace {{me.a-net}}.0 lladdr {{me.a-mac}} dev flannel.1 nud permanent
ip addr add {{me.net}}.0/32 dev flannel.1
ip route add {{me.b-net}}.0/24 via {{me.b-net}}.0 dev flannel.1 onlink
ip route add {{me.a-net}}.0/24 via {{me.a-net}}.0 dev flannel.1 onlink
