kubectl patch svc {{shop.name}} --type merge -p '{"spec":{"selector":{"app":null,"tier":"be"}}}'
#@ answer why-not-outside 2
