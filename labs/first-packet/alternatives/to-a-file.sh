# Written to files, read afterwards; a wrong prediction counts as one.
ip -br addr
ip route
ip route get {{far-ip}}
#@ answer route 3
#@ answer next-hop {{there.net}}.0
#@ answer prediction 60
for dev in cni0 flannel.1 eth0; do tcpdump -ni $dev -w /tmp/$dev.pcap & done
sleep 1
#@ host {{src.name}}
ping -c1 {{far-ip}}
ping -c1 {{near-ip}}
#@ host node-1
sleep 2
sleep 1
for dev in cni0 flannel.1 eth0; do tcpdump -nr /tmp/$dev.pcap; done
#@ answer encapsulates 2
#@ answer outer-destination {{there.underlay}}
#@ answer ttl 62
#@ answer near-devices 1
#@ answer near-ttl 64
