#@ answer missing 1,3
#@ answer asker 127.0.0.1
#@ answer device lo
kubectl apply -f - <<'EOF'
apiVersion: v1
kind: Pod
metadata: { name: {{pod}} }
spec:
  containers:
    - name: {{names.server}}
      image: nginx:1.29
      command: [sh, -c, "sed -i -e 's/listen  *80;/listen 127.0.0.1:80;/' -e '/::/d' /etc/nginx/conf.d/default.conf; exec nginx -g 'daemon off;'"]
    - name: {{names.side}}
      image: busybox:1.37
      command: [sh, -c, "while true; do wget -qO- http://127.0.0.1:80/ >/dev/null; sleep 2; done"]
EOF
