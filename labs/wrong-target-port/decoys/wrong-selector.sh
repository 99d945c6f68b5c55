kubectl set selector svc {{name}} app={{name}},port={{port}}
#@ answer who 2
