#@ answer border 1422
#@ answer narrow flannel.1
#@ host node-1 node-2 cp-1 rtr
{{filter.undo}}
