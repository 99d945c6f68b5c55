kubectl delete svc {{shop.name}}
kubectl expose deployment {{shop.name}} --port 80 --target-port {{portName}}
#@ answer why-not-outside 2
