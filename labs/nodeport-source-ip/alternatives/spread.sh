# A Deployment of which the scheduler must put one pod on each worker.
#@ answer seen-home {{home.seen}}
#@ answer seen-other {{home.otherSeen}}
#@ answer who-changes 2
kubectl patch svc {{name}} -p '{"spec":{"externalTrafficPolicy":"Local"}}'
kubectl patch deployment {{name}} --type merge -p '{"spec":{"replicas":2,"strategy":{"rollingUpdate":{"maxSurge":0,"maxUnavailable":1}},"template":{"spec":{"nodeSelector":null,
  "topologySpreadConstraints":[{"maxSkew":1,"topologyKey":"kubernetes.io/hostname","whenUnsatisfiable":"DoNotSchedule","matchLabelKeys":["pod-template-hash"],"labelSelector":{"matchLabels":{"app":"{{name}}"}}}]}}}}'
kubectl rollout status deployment {{name}}
