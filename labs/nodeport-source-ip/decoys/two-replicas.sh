# Today the scheduler spreads them; nothing keeps it from putting both on one node tomorrow.
#@ answer seen-home {{home.seen}}
#@ answer seen-other {{home.otherSeen}}
#@ answer who-changes 2
kubectl patch svc {{name}} -p '{"spec":{"externalTrafficPolicy":"Local"}}'
kubectl patch deployment {{name}} --type merge -p '{"spec":{"replicas":2,"template":{"spec":{"nodeSelector":null}}}}'
kubectl rollout status deployment {{name}}
