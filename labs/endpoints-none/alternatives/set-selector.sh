kubectl set selector svc checkout app=checkout
sleep 2
