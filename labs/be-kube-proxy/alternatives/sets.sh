# Sets of addresses and ports; who talks to itself is told by both addresses being the same.
#@ host node-1 node-2 cp-1
cat > /root/sync.sh <<'EOF'
#!/bin/bash
# Which Services there are stands in two sets; the rules that ask for them are written once.
vip=${1%:*} port=${1#*:}
shift
for set in open closed; do ipset -exist create $set hash:ip,port; ipset -exist del $set $vip,tcp:$port; done
[ $# -gt 0 ] && ipset add open $vip,tcp:$port || ipset add closed $vip,tcp:$port
if ! iptables -t nat -nL SVC >/dev/null 2>&1; then
  iptables -t nat -N SVC
  for hook in PREROUTING OUTPUT; do iptables -t nat -A $hook -m set --match-set open dst,dst -j SVC; done
  for hook in FORWARD OUTPUT; do iptables -I $hook -p tcp -m set --match-set closed dst,dst -j REJECT; done
fi
iptables -t nat -S SVC | grep -- "-d $vip/32" | sed 's/^-A/-D/' | while read -r rule; do iptables -t nat $rule; done
left=$#
for ep in "$@"; do
  pick=
  [ $left -gt 1 ] && pick="-m statistic --mode random --probability $(awk -v n=$left 'BEGIN { printf "%.11f", 1 / n }')"
  iptables -t nat -A SVC -d $vip -p tcp --dport $port $pick -j DNAT --to-destination $ep
  iptables -t nat -C POSTROUTING -s ${ep%:*} -d ${ep%:*} -m conntrack --ctstate DNAT -j MASQUERADE 2>/dev/null ||
    iptables -t nat -I POSTROUTING -s ${ep%:*} -d ${ep%:*} -m conntrack --ctstate DNAT -j MASQUERADE
  left=$((left - 1))
done
EOF
chmod +x /root/sync.sh
/root/sync.sh {{vip}}:{{port}} {{a}}:{{eport}} {{b}}:{{eport}} {{c}}:{{eport}}
/root/sync.sh {{dead}}:{{port}}
