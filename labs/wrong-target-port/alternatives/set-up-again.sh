kubectl delete svc {{name}}
kubectl expose deployment {{name}} --port 80 --target-port {{port}}
#@ answer who 2
