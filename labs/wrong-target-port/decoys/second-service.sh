kubectl expose deployment {{name}} --name {{name}}-new --port 80 --target-port {{port}}
#@ answer who 2
