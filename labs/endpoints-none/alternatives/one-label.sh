# The name alone is enough: nobody else carries it.
kubectl patch svc {{shop.name}} --type merge -p '{"spec":{"selector":{"app":"{{shop.name}}","tier":null}}}'
#@ answer why-not-outside 2
