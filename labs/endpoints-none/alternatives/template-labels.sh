# The pods get what the Service looks for. Where that touches the Deployment's own selector, which is immutable, it is made anew.
if [ {{fault.app}} = {{shop.name}} ]; then
  kubectl patch deployment {{shop.name}} -p '{"spec":{"template":{"metadata":{"labels":{"tier":"{{fault.tier}}"}}}}}'
else
  kubectl get deployment {{shop.name}} -o yaml | sed 's/^\( *\)app: {{shop.name}}$/\1app: {{fault.app}}/' | kubectl replace --force -f -
  kubectl patch deployment {{shop.name}} -p '{"metadata":{"labels":{"app":"{{shop.name}}"}}}'
fi
kubectl rollout status deployment {{shop.name}}
#@ answer why-not-outside 2
