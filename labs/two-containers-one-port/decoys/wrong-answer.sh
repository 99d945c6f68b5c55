#@ answer why 1
kubectl set env deployment/{{name}} -c {{side}} PORT={{port}}
