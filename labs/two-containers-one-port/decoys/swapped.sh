# The exporter keeps port 80, the shop goes elsewhere.
#@ answer why 2
kubectl patch deployment {{name}} -p '{"spec":{"template":{"spec":{"containers":[
  {"name":"{{app}}","command":["sh","-c","sed -i \"s/ 80;/ 8080;/; s/:80;/:8080;/\" /etc/nginx/conf.d/default.conf && exec nginx -g \"daemon off;\""]}]}}}}'
