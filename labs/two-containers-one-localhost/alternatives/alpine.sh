#@ answer missing 1,3
#@ answer asker 127.0.0.1
#@ answer device lo
kubectl apply -f - <<'EOF'
apiVersion: v1
kind: Pod
metadata: { name: {{pod}} }
spec:
  containers:
    - { name: {{names.server}}, image: "nginx:alpine", ports: [{ containerPort: 80 }] }
    - name: {{names.side}}
      image: alpine:3.22
      command: [sh, -c, "while sleep 1; do wget -q -O /dev/null localhost:80; done"]
EOF
