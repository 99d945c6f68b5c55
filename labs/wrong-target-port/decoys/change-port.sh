# Callers would have to use another port.
kubectl patch svc {{name}} --type=json -p='[{"op":"replace","path":"/spec/ports/0","value":{"name":"web","port":{{port}},"targetPort":{{port}}}}]'
#@ answer who 2
