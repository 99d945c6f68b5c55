#@ answer border 1422
#@ answer narrow flannel.1
#@ host node-1 node-2 cp-1
iptables -t mangle -A FORWARD -p tcp --tcp-flags SYN,RST SYN -j TCPMSS --clamp-mss-to-pmtu
