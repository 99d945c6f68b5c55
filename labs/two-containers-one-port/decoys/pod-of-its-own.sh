#@ answer why 2
kubectl patch deployment {{name}} --type json -p '[{"op":"remove","path":"/spec/template/spec/containers/1"}]'
kubectl create deployment {{side}} --image hopwise/web:1.0
kubectl set env deployment/{{side}} PORT={{port}}
