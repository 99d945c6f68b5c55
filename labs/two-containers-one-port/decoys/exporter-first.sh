# Now the exporter gets port 80, and the shop crashes.
#@ answer why 2
kubectl get deployment {{name}} -o json | jq '.spec.template.spec.containers |= reverse' | kubectl replace -f -
sleep 3
