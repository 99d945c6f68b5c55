#@ answer source {{seen.ip}}
#@ answer why 2
#@ host node-1
iptables -t nat -I POSTROUTING 1 -s 10.244.0.0/16 ! -d 10.244.0.0/16 -o eth0 -j SNAT --to-source 192.168.56.11
#@ host node-2
iptables -t nat -I POSTROUTING 1 -s 10.244.0.0/16 ! -d 10.244.0.0/16 -o eth0 -j SNAT --to-source 192.168.56.12
#@ host cp-1
iptables -t nat -I POSTROUTING 1 -s 10.244.0.0/16 ! -d 10.244.0.0/16 -o eth0 -j SNAT --to-source 192.168.56.10
