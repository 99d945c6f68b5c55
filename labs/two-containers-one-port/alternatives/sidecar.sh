# The exporter as a native sidecar.
#@ answer why 2
kubectl get deployment {{name}} -o json | jq '.spec.template.spec |= (.initContainers = [.containers[1] + {restartPolicy: "Always", env: [{name: "PORT", value: "{{port}}"}]}] | .containers = [.containers[0]])' | kubectl replace -f -
