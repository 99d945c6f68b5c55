ipcmk -Q; ipcmk -S 2; ipcmk -M 7; ipcmk -M 1.5K -p 600; ipcmk -M 4097
x() { echo "\$ $*"; "$@" 2>&1; echo "[$?]"; }
for k in -q -m -s; do for f in "" -c -t -p -l -u --human "-l -b" "-u --human" "-i 0" "-i 0 --human" "-i 77"; do x ipcs $k $f; done; done
x ipcs -a; x ipcs -tpc; x ipcs -m -i abc; x ipcs -i 0; x ipcs -x; x ipcs -h
x ipcrm -m 0; x ipcrm -m 0; x ipcrm -v -q 0; x ipcrm --all=foo; x ipcrm -a msg; x ipcrm -M 0xffffffff; x ipcrm -m -1; x ipcrm -m 99999999999; x ipcrm msg; x ipcrm msg x; x ipcrm -q x; x ipcrm -S zz; x ipcrm -Q 0; x ipcrm sem 0; x ipcrm -v -a; x ipcrm foo 1; x ipcrm; x ipcrm --foo; x ipcs; x ipcrm -h
