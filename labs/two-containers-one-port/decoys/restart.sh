#@ answer why 2
kubectl rollout restart deployment {{name}}
sleep 3
