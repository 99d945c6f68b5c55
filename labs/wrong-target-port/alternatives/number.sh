kubectl patch svc {{name}} --type=json -p='[{"op":"replace","path":"/spec/ports/0/targetPort","value":{{port}}}]'
#@ answer who 2
