# Takes away what it finds and writes it anew.
#@ host {{me.name}}
{{left.undone}}
cat > /usr/local/sbin/pod-routes <<'EOF'
#!/bin/sh
ip route del {{me.b-net}}.0/24 2>/dev/null
ip route add {{me.b-net}}.0/24 via {{me.b-ip}}
ip route del {{me.c-net}}.0/24 2>/dev/null
ip route add {{me.c-net}}.0/24 via {{me.c-ip}}
EOF
chmod +x /usr/local/sbin/pod-routes
systemctl enable --now pod-routes
#@ host {{me.b}}
cat > /usr/local/sbin/pod-routes <<'EOF'
#!/bin/sh
ip route del {{me.net}}.0/24 2>/dev/null
ip route add {{me.net}}.0/24 via {{me.ip}}
ip route del {{me.c-net}}.0/24 2>/dev/null
ip route add {{me.c-net}}.0/24 via {{me.c-ip}}
EOF
chmod +x /usr/local/sbin/pod-routes
systemctl enable --now pod-routes
#@ host {{me.c}}
cat > /usr/local/sbin/pod-routes <<'EOF'
#!/bin/sh
ip route del {{me.net}}.0/24 2>/dev/null
ip route add {{me.net}}.0/24 via {{me.ip}}
ip route del {{me.b-net}}.0/24 2>/dev/null
ip route add {{me.b-net}}.0/24 via {{me.b-ip}}
EOF
chmod +x /usr/local/sbin/pod-routes
systemctl enable --now pod-routes
