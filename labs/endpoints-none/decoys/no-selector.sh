kubectl patch svc {{shop.name}} --type json -p '[{"op":"remove","path":"/spec/selector"}]'
#@ answer why-not-outside 2
