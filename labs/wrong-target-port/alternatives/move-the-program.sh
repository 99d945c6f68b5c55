# The program listens where the Service looks for it; the Deployment says so, thus for every pod to come.
kubectl patch deployment {{name}} -p '{"spec":{"template":{"spec":{"containers":[{"name":"server","args":["{{name}}","{{wrong}}"]}]}}}}'
kubectl rollout status deployment {{name}}
#@ answer who 2
