# Without masquerading the pod answers client directly, from an address that client never called.
#@ answer seen-home {{home.seen}}
#@ answer seen-other {{home.otherSeen}}
#@ answer who-changes 2
#@ host node-1 node-2
iptables -t nat -I POSTROUTING -p tcp --dport {{port}} -j ACCEPT
