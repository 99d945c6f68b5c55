# The Service as a whole, and the DaemonSet made from the Deployment.
#@ answer seen-home {{home.seen}}
#@ answer seen-other {{home.otherSeen}}
#@ answer who-changes 2
kubectl get svc {{name}} -o yaml | sed 's/externalTrafficPolicy: Cluster/externalTrafficPolicy: Local/' | kubectl replace -f -
kubectl get deployment {{name}} -o json | jq '{apiVersion, kind: "DaemonSet", metadata: {name: .metadata.name}, spec: {selector: .spec.selector, template: .spec.template}} | del(.spec.template.spec.nodeSelector)' > ds.json
kubectl delete deployment {{name}} --wait=false
kubectl create -f ds.json
