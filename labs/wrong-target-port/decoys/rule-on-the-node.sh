#@ host node-1
# The endpoint's chain is kube-proxy's: it is written anew.
for CHAIN in $(iptables-save -t nat | sed -n 's/^-A \(KUBE-SEP-[A-Z0-9]*\) .*default\/{{name}}:web.*DNAT --to-destination .*/\1/p'); do
  TO=$(iptables-save -t nat | sed -n "s/^-A $CHAIN .*--to-destination \([0-9.]*\):.*/\1/p")
  iptables -t nat -R $CHAIN 2 -p tcp -j DNAT --to-destination $TO:{{port}}
done
#@ answer who 2
