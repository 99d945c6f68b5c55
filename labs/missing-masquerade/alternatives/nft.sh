#@ answer source {{seen.ip}}
#@ answer why 2
#@ host node-1 node-2 cp-1
nft -f - <<'END'
table ip egress {
  chain out {
    type nat hook postrouting priority srcnat; policy accept;
    ip saddr 10.244.0.0/16 ip daddr != 10.244.0.0/16 masquerade
  }
}
END
