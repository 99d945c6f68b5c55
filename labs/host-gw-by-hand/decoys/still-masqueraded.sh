# Everything arrives, but not under its own name.
#@ host {{me.name}}
{{left.undone}}
cat > /usr/local/sbin/pod-routes <<'EOF'
#!/bin/sh
ip route replace {{me.b-net}}.0/24 via {{me.b-ip}} dev eth0
ip route replace {{me.c-net}}.0/24 via {{me.c-ip}} dev eth0
EOF
chmod +x /usr/local/sbin/pod-routes
systemctl enable --now pod-routes
iptables -t nat -I POSTROUTING -s 10.244.0.0/16 -o eth0 -j MASQUERADE
#@ host {{me.b}}
cat > /usr/local/sbin/pod-routes <<'EOF'
#!/bin/sh
ip route replace {{me.net}}.0/24 via {{me.ip}} dev eth0
ip route replace {{me.c-net}}.0/24 via {{me.c-ip}} dev eth0
EOF
chmod +x /usr/local/sbin/pod-routes
systemctl enable --now pod-routes
#@ host {{me.c}}
cat > /usr/local/sbin/pod-routes <<'EOF'
#!/bin/sh
ip route replace {{me.net}}.0/24 via {{me.ip}} dev eth0
ip route replace {{me.b-net}}.0/24 via {{me.b-ip}} dev eth0
EOF
chmod +x /usr/local/sbin/pod-routes
systemctl enable --now pod-routes
