#@ answer source {{seen.ip}}
#@ answer why 2
#@ host node-1 node-2 cp-1
iptables -t nat -A POSTROUTING ! -d 10.244.0.0/16 -j MASQUERADE
