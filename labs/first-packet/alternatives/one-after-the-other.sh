# One device at a time, a ping for each; the order of the answers does not matter.
ip -br addr
ip route
ip route get {{far-ip}}
#@ answer route 3
#@ answer next-hop {{there.net}}.0
#@ answer prediction 62
#@ host {{src.name}}
#@ host node-1
tcpdump -c3 -nni eth0 host {{far-ip}} or udp &
sleep 1
#@ host {{src.name}}
ping -c3 -i 0.2 {{far-ip}}
#@ host node-1
tcpdump -c3 -nni flannel.1 host {{far-ip}} or udp &
sleep 1
#@ host {{src.name}}
ping -c3 -i 0.2 {{far-ip}}
#@ host node-1
tcpdump -c3 -nni cni0 host {{far-ip}} or udp &
sleep 1
#@ host {{src.name}}
ping -c3 -i 0.2 {{far-ip}}
#@ host node-1
tcpdump -c2 -nni cni0 icmp and host {{near-ip}} &
sleep 1
#@ host {{src.name}}
ping -c2 {{near-ip}}
#@ host node-1
sleep 2
#@ answer encapsulates 2
#@ answer outer-destination {{there.underlay}}
#@ answer ttl 62
#@ answer near-devices 1
#@ answer near-ttl 64
