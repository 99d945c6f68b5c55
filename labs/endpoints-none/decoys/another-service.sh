kubectl expose deployment checkout --name checkout2 --port 80 --target-port 8080
sleep 2
