#@ answer source {{seen.ip}}
#@ answer why 2
#@ host node-1 node-2 cp-1
iptables -t nat -I POSTROUTING 1 -j MASQUERADE
