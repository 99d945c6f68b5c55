# Two halves instead of one network, and the older command.
#@ host {{me.name}}
{{left.undone}}
cat > /usr/local/sbin/pod-routes <<'EOF'
#!/bin/sh
for half in 0 128; do
  route add -net {{me.b-net}}.$half netmask 255.255.255.128 gw {{me.b-ip}} 2>/dev/null
  route add -net {{me.c-net}}.$half netmask 255.255.255.128 gw {{me.c-ip}} 2>/dev/null
done
true
EOF
chmod +x /usr/local/sbin/pod-routes
systemctl enable --now pod-routes
#@ host {{me.b}}
cat > /usr/local/sbin/pod-routes <<'EOF'
#!/bin/sh
for half in 0 128; do
  route add -net {{me.net}}.$half netmask 255.255.255.128 gw {{me.ip}} 2>/dev/null
  route add -net {{me.c-net}}.$half netmask 255.255.255.128 gw {{me.c-ip}} 2>/dev/null
done
true
EOF
chmod +x /usr/local/sbin/pod-routes
systemctl enable --now pod-routes
#@ host {{me.c}}
cat > /usr/local/sbin/pod-routes <<'EOF'
#!/bin/sh
for half in 0 128; do
  route add -net {{me.net}}.$half netmask 255.255.255.128 gw {{me.ip}} 2>/dev/null
  route add -net {{me.b-net}}.$half netmask 255.255.255.128 gw {{me.b-ip}} 2>/dev/null
done
true
EOF
chmod +x /usr/local/sbin/pod-routes
systemctl enable --now pod-routes
