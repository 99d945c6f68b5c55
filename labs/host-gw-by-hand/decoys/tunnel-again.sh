# A tunnel of another kind: what the provider forbids.
#@ host {{me.name}}
{{left.undone}}
cat > /usr/local/sbin/pod-routes <<'EOF'
#!/bin/sh
ip link add tun-b type ipip local {{me.ip}} remote {{me.b-ip}} 2>/dev/null
ip link set tun-b up
ip route replace {{me.b-net}}.0/24 dev tun-b
ip link add tun-c type ipip local {{me.ip}} remote {{me.c-ip}} 2>/dev/null
ip link set tun-c up
ip route replace {{me.c-net}}.0/24 dev tun-c
EOF
chmod +x /usr/local/sbin/pod-routes
systemctl enable --now pod-routes
#@ host {{me.b}}
cat > /usr/local/sbin/pod-routes <<'EOF'
#!/bin/sh
ip link add tun-n type ipip local {{me.b-ip}} remote {{me.ip}} 2>/dev/null
ip link set tun-n up
ip route replace {{me.net}}.0/24 dev tun-n
ip link add tun-c type ipip local {{me.b-ip}} remote {{me.c-ip}} 2>/dev/null
ip link set tun-c up
ip route replace {{me.c-net}}.0/24 dev tun-c
EOF
chmod +x /usr/local/sbin/pod-routes
systemctl enable --now pod-routes
#@ host {{me.c}}
cat > /usr/local/sbin/pod-routes <<'EOF'
#!/bin/sh
ip link add tun-n type ipip local {{me.c-ip}} remote {{me.ip}} 2>/dev/null
ip link set tun-n up
ip route replace {{me.net}}.0/24 dev tun-n
ip link add tun-b type ipip local {{me.c-ip}} remote {{me.b-ip}} 2>/dev/null
ip link set tun-b up
ip route replace {{me.b-net}}.0/24 dev tun-b
EOF
chmod +x /usr/local/sbin/pod-routes
systemctl enable --now pod-routes
