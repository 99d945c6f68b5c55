# The whole Service written anew.
kubectl replace -f - <<'EOF'
apiVersion: v1
kind: Service
metadata: { name: {{name}} }
spec:
  clusterIP: {{ip}}
  selector: { app: {{name}} }
  ports: [{ port: 80, targetPort: {{port}} }]
EOF
#@ answer who 2
