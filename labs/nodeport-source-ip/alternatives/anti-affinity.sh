# Two pods that do not bear each other on one node.
#@ answer seen-home {{home.seen}}
#@ answer seen-other {{home.otherSeen}}
#@ answer who-changes 2
kubectl patch svc {{name}} -p '{"spec":{"externalTrafficPolicy":"Local"}}'
kubectl patch deployment {{name}} --type merge -p '{"spec":{"replicas":2,"strategy":{"rollingUpdate":{"maxSurge":0,"maxUnavailable":2}},"template":{"spec":{"nodeSelector":null,
  "affinity":{"podAntiAffinity":{"requiredDuringSchedulingIgnoredDuringExecution":[{"topologyKey":"kubernetes.io/hostname","labelSelector":{"matchLabels":{"app":"{{name}}"}}}]}}}}}}'
kubectl rollout status deployment {{name}}
