kubectl set selector svc {{shop.name}} app={{shop.name}},tier=be
#@ answer why-not-outside 1
