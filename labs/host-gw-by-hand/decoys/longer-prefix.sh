# A longer prefix that leads astray beats the right route.
#@ host {{me.name}}
{{left.undone}}
cat > /usr/local/sbin/pod-routes <<'EOF'
#!/bin/sh
ip route replace {{me.b-net}}.0/24 via {{me.b-ip}} dev eth0
ip route replace {{me.c-net}}.0/24 via {{me.c-ip}} dev eth0
EOF
chmod +x /usr/local/sbin/pod-routes
systemctl enable --now pod-routes
ip route replace {{me.b-net}}.128/25 via 192.168.56.1
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
