kubectl apply -f - <<EOF
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata:
  name: {{shop.name}}-by-hand
  labels: { kubernetes.io/service-name: {{shop.name}} }
addressType: IPv4
ports: [{ name: http, port: {{port}}, protocol: TCP }]
endpoints: [{ addresses: [$(kubectl get pods -l app={{shop.name}} -o jsonpath='{.items[0].status.podIP}')], conditions: { ready: true } }]
EOF
#@ answer why-not-outside 2
