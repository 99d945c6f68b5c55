#@ answer why 2
kubectl set env deployment/{{name}} -c {{side}} PORT={{port}}
kubectl patch svc {{name}} --type json -p '[{"op":"replace","path":"/spec/ports/0/targetPort","value":{{port}}}]'
