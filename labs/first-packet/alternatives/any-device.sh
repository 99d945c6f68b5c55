# One capture of all devices.
ip -br addr
ip route
ip route get {{far-ip}}
#@ answer route 3
#@ answer next-hop {{there.net}}.0
#@ answer prediction 62
tcpdump -nni any icmp or udp port 8472 &
sleep 1
#@ host {{src.name}}
ping -c1 {{far-ip}}
ping -c1 {{near-ip}}
#@ host node-1
sleep 2
#@ answer encapsulates 2
#@ answer outer-destination {{there.underlay}}
#@ answer ttl 62
#@ answer near-devices 1
#@ answer near-ttl 64
