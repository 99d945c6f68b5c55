kubectl rollout restart deployment {{shop.name}}
kubectl rollout status deployment {{shop.name}}
#@ answer why-not-outside 2
