kubectl label pods -l app={{shop.name}} app={{fault.app}} tier={{fault.tier}} --overwrite
#@ answer why-not-outside 2
