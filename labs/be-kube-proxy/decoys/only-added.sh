# Old rules stay in front of new ones.
#@ host node-1 node-2 cp-1
cat > /root/sync.sh <<'EOF'
#!/bin/bash
# Adds, and never takes away.
vip=${1%:*} port=${1#*:}
shift
# None: refuse.
[ $# -eq 0 ] && for hook in FORWARD OUTPUT; do iptables -I $hook -d $vip -p tcp --dport $port -j REJECT; done
for hook in PREROUTING OUTPUT; do
  left=$#
  for ep in "$@"; do
    pick=
    [ $left -gt 1 ] && pick="-m statistic --mode nth --every $left --packet 0"
    iptables -t nat -A $hook -d $vip -p tcp --dport $port $pick -j DNAT --to-destination $ep
    left=$((left - 1))
  done
done
for ep in "$@"; do iptables -t nat -I POSTROUTING -s ${ep%:*} -d ${ep%:*} -j MASQUERADE; done
exit 0
EOF
chmod +x /root/sync.sh
/root/sync.sh {{vip}}:{{port}} {{a}}:{{eport}} {{b}}:{{eport}} {{c}}:{{eport}}
/root/sync.sh {{dead}}:{{port}}
