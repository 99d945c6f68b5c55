#@ answer why 2
kubectl scale deployment {{name}} --replicas 0
kubectl apply -f - <<'EOF'
apiVersion: v1
kind: Pod
metadata: { name: {{name}}-by-hand, labels: { app: {{name}} } }
spec:
  containers:
  - { name: {{app}}, image: nginx:1.29 }
  - { name: {{side}}, image: hopwise/web:1.0, env: [{ name: PORT, value: "{{port}}" }] }
EOF
kubectl wait --for=condition=Ready pod/{{name}}-by-hand
sleep 2
