#@ answer why 2
kubectl patch deployment {{name}} -p '{"spec":{"template":{"spec":{"containers":[{"name":"{{side}}","ports":[{"containerPort":{{port}}}]}]}}}}'
sleep 3
