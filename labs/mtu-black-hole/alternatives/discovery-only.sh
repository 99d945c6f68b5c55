#@ answer border 1422
#@ answer narrow flannel.1
#@ host node-1
{{filter.undo}}
#@ host node-2
{{filter.undo}}
#@ host cp-1
{{filter.undo}}
#@ host rtr
{{filter.undo}}
