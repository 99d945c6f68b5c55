kubectl patch svc {{shop.name}} -p '{"spec":{"selector":{"app":"{{shop.name}}","tier":"be"}}}'
#@ answer why-not-outside 2
