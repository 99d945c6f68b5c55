# The pods of the neighbour get the label, too.
kubectl set selector svc {{shop.name}} app={{shop.name}}
kubectl label pod {{neighbour}} app={{shop.name}} --overwrite
#@ answer why-not-outside 2
