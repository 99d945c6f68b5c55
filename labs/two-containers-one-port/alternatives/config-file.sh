# The port comes from a ConfigMap.
#@ answer why 2
kubectl create configmap numbers --from-literal PORT={{port}}
kubectl patch deployment {{name}} --type json -p '[{"op":"replace","path":"/spec/template/spec/containers/1/env","value":[{"name":"PORT","valueFrom":{"configMapKeyRef":{"name":"numbers","key":"PORT"}}}]}]'
