# Nothing survives a restart.
#@ host {{me.name}}
{{left.undone}}
ip route replace {{me.b-net}}.0/24 via {{me.b-ip}} dev eth0
ip route replace {{me.c-net}}.0/24 via {{me.c-ip}} dev eth0
#@ host {{me.b}}
ip route replace {{me.net}}.0/24 via {{me.ip}} dev eth0
ip route replace {{me.c-net}}.0/24 via {{me.c-ip}} dev eth0
#@ host {{me.c}}
ip route replace {{me.net}}.0/24 via {{me.ip}} dev eth0
ip route replace {{me.b-net}}.0/24 via {{me.b-ip}} dev eth0
