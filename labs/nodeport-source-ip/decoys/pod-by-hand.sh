#@ answer seen-home {{home.seen}}
#@ answer seen-other {{home.otherSeen}}
#@ answer who-changes 2
kubectl patch svc {{name}} -p '{"spec":{"externalTrafficPolicy":"Local"}}'
kubectl apply -f - <<'EOF'
apiVersion: v1
kind: Pod
metadata: { name: {{name}}-there, labels: { app: {{name}} } }
spec:
  nodeName: {{home.other}}
  containers: [{ name: server, image: hopwise/echo:1.0, args: [{{name}}, "{{listen}}"], ports: [{ name: http, containerPort: {{port}} }] }]
EOF
kubectl wait --for=condition=Ready pod/{{name}}-there
