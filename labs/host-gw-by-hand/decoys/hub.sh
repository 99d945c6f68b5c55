# Everything by way of one node, which takes it for traffic of others and masquerades it.
#@ host {{me.name}}
{{left.undone}}
cat > /usr/local/sbin/pod-routes <<'EOF'
#!/bin/sh
ip route replace 10.244.0.0/16 via {{me.b-ip}}
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
#@ host {{me.c}}
cat > /usr/local/sbin/pod-routes <<'EOF'
#!/bin/sh
ip route replace 10.244.0.0/16 via {{me.b-ip}}
EOF
chmod +x /usr/local/sbin/pod-routes
systemctl enable --now pod-routes
