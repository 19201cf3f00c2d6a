python /tmp/gemm4/duel.py vision resnet18_train $1 $2 base=/work/main new=/work/wt/gemm4
