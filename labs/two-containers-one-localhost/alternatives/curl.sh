# Another image, another loop, the address instead of the name.
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
      image: curlimages/curl:8.17.0
      command: [sh, -c, "until false; do curl -s 127.0.0.1; sleep 1; done"]
EOF
