kubectl expose deployment {{shop.name}} --name {{shop.name}}2 --port 80 --target-port {{portName}}
#@ answer why-not-outside 2
