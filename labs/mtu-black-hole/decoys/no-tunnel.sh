#@ answer border 1422
#@ answer narrow flannel.1
#@ host node-1 node-2 cp-1 rtr
{{filter.undo}}
#@ host node-1
ip route replace 10.244.0.0/24 via 192.168.56.10 dev eth0
ip route replace 10.244.2.0/24 via 192.168.56.12 dev eth0
#@ host node-2
ip route replace 10.244.0.0/24 via 192.168.56.10 dev eth0
ip route replace 10.244.1.0/24 via 192.168.56.11 dev eth0
#@ host cp-1
ip route replace 10.244.1.0/24 via 192.168.56.11 dev eth0
ip route replace 10.244.2.0/24 via 192.168.56.12 dev eth0
