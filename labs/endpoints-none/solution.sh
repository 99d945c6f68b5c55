kubectl get endpointslices -l kubernetes.io/service-name=checkout
kubectl get pods --show-labels
kubectl patch svc checkout -p '{"spec":{"selector":{"app":"checkout"}}}'
sleep 2
