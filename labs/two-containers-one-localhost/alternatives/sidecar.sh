# A native sidecar.
#@ answer missing 1,3
#@ answer asker ::1
#@ answer device lo
kubectl apply -f - <<'EOF'
apiVersion: v1
kind: Pod
metadata: { name: {{pod}} }
spec:
  containers: [{ name: {{names.server}}, image: "nginx:1.29" }]
  initContainers:
    - name: {{names.side}}
      image: busybox:1.37
      restartPolicy: Always
      command: [sh, -c, "while true; do wget -qO- http://localhost:80/ >/dev/null; sleep 2; done"]
EOF
