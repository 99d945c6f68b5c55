# What kubectl run would make, and one more container.
#@ answer missing 1,3
#@ answer asker ::1
#@ answer device lo
kubectl run {{pod}} --image nginx --dry-run=client -o json |
  jq '.spec.containers[0].name = "{{names.server}}" | .spec.containers += [{name: "{{names.side}}", image: "busybox", args: ["watch", "-n", "1", "wget", "-qO-", "http://localhost"]}]' |
  kubectl create -f -
