kubectl rollout restart deployment checkout
kubectl rollout status deployment/checkout
