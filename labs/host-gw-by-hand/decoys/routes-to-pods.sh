# One route for each pod that is there today.
#@ host {{me.name}}
{{left.undone}}
cat > /usr/local/sbin/pod-routes <<'EOF'
#!/bin/sh
ip route replace {{stock}} via {{me.b-ip}} dev eth0
ip route replace {{mail}} via {{me.c-ip}} dev eth0
EOF
chmod +x /usr/local/sbin/pod-routes
systemctl enable --now pod-routes
#@ host {{me.b}}
cat > /usr/local/sbin/pod-routes <<'EOF'
#!/bin/sh
ip route replace {{cart}} via {{me.ip}} dev eth0
ip route replace {{mail}} via {{me.c-ip}} dev eth0
EOF
chmod +x /usr/local/sbin/pod-routes
systemctl enable --now pod-routes
#@ host {{me.c}}
cat > /usr/local/sbin/pod-routes <<'EOF'
#!/bin/sh
ip route replace {{cart}} via {{me.ip}} dev eth0
ip route replace {{stock}} via {{me.b-ip}} dev eth0
EOF
chmod +x /usr/local/sbin/pod-routes
systemctl enable --now pod-routes
