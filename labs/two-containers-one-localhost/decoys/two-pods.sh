#@ answer missing 1,3
#@ answer asker ::1
#@ answer device lo
kubectl apply -f - <<'EOF'
apiVersion: v1
kind: Pod
metadata: { name: {{pod}}, labels: { app: web } }
spec: { containers: [{ name: {{names.server}}, image: "nginx:1.29" }] }
---
apiVersion: v1
kind: Pod
metadata: { name: {{names.side}} }
spec: { containers: [{ name: {{names.side}}, image: "busybox:1.37", command: [sh, -c, "while true; do wget -qO- http://web >/dev/null; sleep 2; done"] }] }
---
apiVersion: v1
kind: Service
metadata: { name: web }
spec: { selector: { app: web }, ports: [{ port: 80 }] }
EOF
