#@ answer seen-home {{home.seen}}
#@ answer seen-other {{home.otherSeen}}
#@ answer who-changes 2
# The Deployment's pods are endpoints as well; it may stay.
kubectl create -f - <<'EOF'
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
kubectl patch svc {{name}} -p '{"spec":{"externalTrafficPolicy":"Local"}}'
