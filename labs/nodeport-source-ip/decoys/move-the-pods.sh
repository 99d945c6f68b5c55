#@ answer seen-home {{home.seen}}
#@ answer seen-other {{home.otherSeen}}
#@ answer who-changes 2
kubectl patch svc {{name}} -p '{"spec":{"externalTrafficPolicy":"Local"}}'
kubectl patch deployment {{name}} --type merge -p '{"spec":{"template":{"spec":{"nodeSelector":{"kubernetes.io/hostname":"{{home.other}}"}}}}}'
kubectl rollout status deployment {{name}}
sleep 2
