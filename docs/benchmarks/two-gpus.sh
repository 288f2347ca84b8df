#!/usr/bin/env bash
# What stands in h200-vllm.md about two GPUs: run from the repository's root, with vLLM (and ray) importable by `python3`.
# Usage: docs/benchmarks/two-gpus.sh OUT PART...; results go to OUT/PART.txt, status 1 if a part failed. Parts:
# tensor tensor-faults data data-faults ray ray-faults
set -uo pipefail
out=$1
shift
failed=0
small=${MODEL:-/tmp/shape-8b}
large=${LARGE:-/tmp/shape-70b}
[ -f "$small/config.json" ] || python3 -m tooling.benchmarks.serving.shape 8b "$small"
[ -f "$large/config.json" ] || python3 -m tooling.benchmarks.serving.shape 70b "$large"
# Eager, so that restarts are short; short replies, because a step takes long then.
faults="env ENFORCE_EAGER=1 python3 -m tests.hardware.vllm_faults --dummy --max-out 300"
serving="python3 -m tooling.benchmarks.serving --dummy"
for part in "$@"; do
    echo "== $part"
    start=$(date +%s)
    case $part in
        tensor) $serving --model "$large" --tensor-parallel 2 --gpu-frac "${FRACTION:-0.95}" --concurrency 1 32 --contenders ours --eager --max-out 64 ;;
        tensor-faults) $faults --model "$small" --tensor-parallel 2 ;;
        data) $serving --model "$small" --data-parallel 2 --concurrency 32 128 --contenders ours asyncllm --eager ;;
        data-faults) $faults --model "$small" --data-parallel 2 ;;
        ray) $serving --model "$small" --tensor-parallel 2 --backend ray --concurrency 1 32 --contenders ours --eager ;;
        ray-faults) $faults --model "$small" --tensor-parallel 2 --backend ray --max-out 150 --deaths kills ;;
        *) echo "no such part: $part" && false ;;
    esac 2>&1 | grep --line-buffered -v '^{' | tee "$out/$part.txt" || failed=1
    echo "== $part: $(($(date +%s) - start)) s"
done
exit "$failed"
