# A table of its own, asked before main.
#@ host {{me.name}}
{{left.undone}}
cat > /usr/local/sbin/pod-routes <<'EOF'
#!/bin/sh
ip route replace {{me.b-net}}.0/24 via {{me.b-ip}} dev eth0 table 100
ip route replace {{me.c-net}}.0/24 via {{me.c-ip}} dev eth0 table 100
ip rule show | grep -q "lookup 100" || ip rule add to 10.244.0.0/16 lookup 100
EOF
chmod +x /usr/local/sbin/pod-routes
systemctl enable --now pod-routes
#@ host {{me.b}}
cat > /usr/local/sbin/pod-routes <<'EOF'
#!/bin/sh
ip route replace {{me.net}}.0/24 via {{me.ip}} dev eth0 table 100
ip route replace {{me.c-net}}.0/24 via {{me.c-ip}} dev eth0 table 100
ip rule show | grep -q "lookup 100" || ip rule add to 10.244.0.0/16 lookup 100
EOF
chmod +x /usr/local/sbin/pod-routes
systemctl enable --now pod-routes
#@ host {{me.c}}
cat > /usr/local/sbin/pod-routes <<'EOF'
#!/bin/sh
ip route replace {{me.net}}.0/24 via {{me.ip}} dev eth0 table 100
ip route replace {{me.b-net}}.0/24 via {{me.b-ip}} dev eth0 table 100
ip rule show | grep -q "lookup 100" || ip rule add to 10.244.0.0/16 lookup 100
EOF
chmod +x /usr/local/sbin/pod-routes
systemctl enable --now pod-routes
