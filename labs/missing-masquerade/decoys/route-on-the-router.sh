#@ answer source {{seen.ip}}
#@ answer why 2
#@ host rtr
ip route add 10.244.0.0/24 via 192.168.56.10
ip route add 10.244.1.0/24 via 192.168.56.11
ip route add 10.244.2.0/24 via 192.168.56.12
#@ host internet
ip route add 10.244.0.0/16 via 203.0.113.1
