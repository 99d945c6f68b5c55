#@ answer seen-home {{home.seen}}
#@ answer seen-other {{home.otherSeen}}
#@ answer who-changes 2
kubectl patch svc {{name}} -p '{"spec":{"externalTrafficPolicy":"Local"}}'
