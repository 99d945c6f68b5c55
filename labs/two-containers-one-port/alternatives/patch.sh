#@ answer why 2
kubectl patch deployment {{name}} -p '{"spec":{"template":{"spec":{"containers":[{"name":"{{side}}","env":[{"name":"PORT","value":"{{port}}"}],"ports":[{"containerPort":{{port}}}]}]}}}}'
