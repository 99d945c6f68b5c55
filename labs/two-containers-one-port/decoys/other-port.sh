#@ answer why 2
kubectl set env deployment/{{name}} -c {{side}} PORT=9999
