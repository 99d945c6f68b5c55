# containerPort opens nothing; the program listens where it did.
kubectl patch deployment {{name}} --type=json -p='[{"op":"replace","path":"/spec/template/spec/containers/0/ports/0/containerPort","value":{{wrong}}}]'
kubectl rollout status deployment {{name}}
#@ answer who 2
