#@ answer why 2
kubectl patch deployment {{name}} --type json -p '[{"op":"remove","path":"/spec/template/spec/containers/1"}]'
