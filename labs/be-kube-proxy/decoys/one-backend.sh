# All of the work for the first endpoint.
#@ host node-1 node-2 cp-1
cat > /root/sync.sh <<'EOF'
#!/bin/bash
vip=${1%:*} port=${1#*:}
shift
id=${vip//./-}-$port
match="-d $vip/32 -p tcp --dport $port"
rules=":SVC-$id -"
i=0
for ep in ${1+"$1"}; do
  left=1
  pick=$([ $left -gt 1 ] && awk -v n=$left 'BEGIN { printf "-m statistic --mode random --probability %.11f", 1 / n }')
  rules="$rules
:SEP-$id-$i -
-A SEP-$id-$i -s ${ep%:*}/32 -j SVC-MASQ
-A SEP-$id-$i -p tcp -j DNAT --to-destination $ep
-A SVC-$id $pick -j SEP-$id-$i"
  i=$((i + 1))
done
iptables-restore --noflush <<RULES
*nat
:SVC-MASQ -
-A SVC-MASQ -j MARK --or-mark 0x4000
$rules
COMMIT
RULES
for hook in PREROUTING OUTPUT; do
  iptables -t nat -C $hook $match -j SVC-$id 2>/dev/null || iptables -t nat -A $hook $match -j SVC-$id
done
masq="-m mark --mark 0x4000/0x4000 -j MASQUERADE"
iptables -t nat -C POSTROUTING $masq 2>/dev/null || iptables -t nat -I POSTROUTING 1 $masq
for hook in FORWARD OUTPUT; do
  iptables -D $hook $match -j REJECT --reject-with icmp-port-unreachable 2>/dev/null
  [ $# != 0 ] || iptables -I $hook $match -j REJECT --reject-with icmp-port-unreachable
done
EOF
chmod +x /root/sync.sh
/root/sync.sh {{vip}}:{{port}} {{a}}:{{eport}} {{b}}:{{eport}} {{c}}:{{eport}}
/root/sync.sh {{dead}}:{{port}}
