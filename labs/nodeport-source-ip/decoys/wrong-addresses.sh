#@ answer seen-home 192.168.56.50
#@ answer seen-other {{home.seen}}
#@ answer who-changes 3
kubectl patch svc {{name}} -p '{"spec":{"externalTrafficPolicy":"Local"}}'
kubectl apply -f - <<'EOF'
apiVersion: apps/v1
kind: DaemonSet
metadata: { name: {{name}} }
spec:
  selector: { matchLabels: { app: {{name}} } }
  template:
    metadata: { labels: { app: {{name}} } }
    spec:
      containers:
      - name: server
        image: hopwise/echo:1.0
        args: [{{name}}, "{{listen}}"]
        ports: [{ name: http, containerPort: {{port}} }]
EOF
kubectl delete deployment {{name}}
