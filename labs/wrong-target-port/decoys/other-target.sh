kubectl patch svc {{name}} --type=json -p='[{"op":"replace","path":"/spec/ports/0/targetPort","value":443}]'
#@ answer who 2
