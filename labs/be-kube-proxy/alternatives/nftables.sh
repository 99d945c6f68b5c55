# A map of numbers to chains instead of a list of chances.
#@ host node-1 node-2 cp-1
cat > /root/sync.sh <<'EOF'
#!/bin/bash
# One table for each Service, thrown away and written anew.
vip=${1%:*} port=${1#*:}
shift
table=svc-${vip//./-}-$port
nft delete table ip $table 2>/dev/null
if [ $# -eq 0 ]; then
  nft -f - <<RULES
table ip $table {
  chain refuse { type filter hook forward priority filter; ip daddr $vip tcp dport $port reject; }
  chain refuse-local { type filter hook output priority filter; ip daddr $vip tcp dport $port reject; }
}
RULES
  exit
fi
i=0 map= chains=
for ep in "$@"; do
  map="$map $i : goto ep-$i,"
  chains="$chains chain ep-$i { ip saddr ${ep%:*} meta mark set meta mark | 0x4000; ip protocol tcp dnat to $ep; }
"
  i=$((i + 1))
done
nft -f - <<RULES
table ip $table {
  $chains
  chain service { numgen random mod $# vmap { ${map%,} }; }
  chain pre { type nat hook prerouting priority dstnat; ip daddr $vip tcp dport $port goto service; }
  chain out { type nat hook output priority -100; ip daddr $vip tcp dport $port goto service; }
  chain post { type nat hook postrouting priority srcnat - 1; meta mark & 0x4000 == 0x4000 masquerade; }
}
RULES
EOF
chmod +x /root/sync.sh
/root/sync.sh {{vip}}:{{port}} {{a}}:{{eport}} {{b}}:{{eport}} {{c}}:{{eport}}
/root/sync.sh {{dead}}:{{port}}
