#!/usr/bin/env bash
# What stands in speed.md about one GPU: run from the repository's root, with vLLM importable by `python3`.
# Usage: docs/benchmarks/speed-gpu.sh OUT CONTENDER...: each is started once and measured three times, its rows are
# appended to OUT/speed.jsonl. Then again with the contenders in the opposite order, then `speed-gpu.sh OUT table`.
# Contenders: ours asyncllm vllm-serve vllm-rust ours-both.
set -uo pipefail
out=$1
shift
model=${MODEL:-/tmp/shape-8b}
tool=${TOOL:-/tmp/shape-tool}
[ -f "$model/config.json" ] || python3 -m tooling.benchmarks.serving.shape 8b "$model"
[ -f "$tool/config.json" ] || python3 -m tooling.benchmarks.tool_shape modernbert "$tool"
serving=(python3 -m tooling.benchmarks.serving --model "$model" --dummy)
failed=0
for contender in "$@"; do
    if [ "$contender" = table ]; then
        "${serving[@]}" --table "$out/speed.jsonl" --check || failed=1
        continue
    fi
    # The bare engine and `vllm serve` get what the server in mode chat resolves to; mode both shares the GPU.
    "${serving[@]}" --tool-model "$tool" --concurrency 32 128 256 --max-num-seqs 256 --rounds 3 \
        --contenders "$contender" --json | grep '^{"contender"' >>"$out/speed.jsonl" || failed=1
done
exit "$failed"
