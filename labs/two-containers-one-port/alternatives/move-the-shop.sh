# The shop listens on 8080, and the Service knows it.
#@ answer why 2
kubectl patch deployment {{name}} -p '{"spec":{"template":{"spec":{"containers":[
  {"name":"{{app}}","command":["sh","-c","sed -i \"s/ 80;/ 8080;/; s/:80;/:8080;/\" /etc/nginx/conf.d/default.conf && exec nginx -g \"daemon off;\""]},
  {"name":"{{side}}","env":[{"name":"PORT","value":"{{port}}"}]}]}}}}'
kubectl patch svc {{name}} --type json -p '[{"op":"replace","path":"/spec/ports/0/targetPort","value":8080}]'
