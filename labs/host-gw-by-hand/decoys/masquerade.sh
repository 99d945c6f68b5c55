# Answers come back without a route back, but everybody sees a node where a pod should be.
#@ host {{me.name}}
{{left.undone}}
cat > /usr/local/sbin/pod-routes <<'EOF'
#!/bin/sh
ip route replace {{me.b-net}}.0/24 via {{me.b-ip}} dev eth0
ip route replace {{me.c-net}}.0/24 via {{me.c-ip}} dev eth0
EOF
chmod +x /usr/local/sbin/pod-routes
systemctl enable --now pod-routes
#@ host {{me.b}}
cat > /usr/local/sbin/pod-routes <<'EOF'
#!/bin/sh
ip route replace {{me.net}}.0/24 via {{me.ip}} dev eth0
ip route replace {{me.c-net}}.0/24 via {{me.c-ip}} dev eth0
EOF
chmod +x /usr/local/sbin/pod-routes
systemctl enable --now pod-routes
iptables -t nat -I POSTROUTING -s {{me.b-net}}.0/24 -d 10.244.0.0/16 -o eth0 -j MASQUERADE
#@ host {{me.c}}
cat > /usr/local/sbin/pod-routes <<'EOF'
#!/bin/sh
ip route replace {{me.net}}.0/24 via {{me.ip}} dev eth0
EOF
chmod +x /usr/local/sbin/pod-routes
systemctl enable --now pod-routes
