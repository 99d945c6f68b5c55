#@ answer missing 1,3
#@ answer asker 127.0.0.1
#@ answer device lo
kubectl apply -f - <<'EOF'
apiVersion: v1
kind: Pod
metadata: { name: {{pod}} }
spec:
  containers:
    - { name: {{names.server}}, image: "nginx:1.29" }
    - name: {{names.side}}
      image: busybox:1.37
      command: [sh, -c, "while true; do wget -qO- http://localhost:8080/ >/dev/null; sleep 2; done"]
EOF
