kubectl patch deployment {{shop.name}} --type json -p '[{"op":"replace","path":"/spec/selector/matchLabels","value":{"app":"{{fault.app}}","tier":"{{fault.tier}}"}}]'
#@ answer why-not-outside 2
