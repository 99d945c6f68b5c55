kubectl set selector svc checkout tier=be
sleep 2
