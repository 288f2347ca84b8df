#!/usr/bin/env bash
# What stands in h200-vllm.md about one GPU: run from the repository's root, with vLLM importable by `python3`.
# Usage: docs/benchmarks/one-gpu.sh OUT PART...; results go to OUT/PART.txt, status 1 if a part failed. Parts:
# starts faults faults-both bf16 fp8 both capacity capacity-fp8 speculation speculation-small router
set -uo pipefail
out=$1
shift
failed=0
model=${MODEL:-/tmp/shape-8b}
tool=${TOOL:-/tmp/shape-tool}
[ -f "$model/config.json" ] || python3 -m tooling.benchmarks.serving.shape 8b "$model"
small_tool=${SMALL_TOOL:-/tmp/shape-small-tool}
[ -f "$tool/config.json" ] || python3 -m tooling.benchmarks.tool_shape modernbert "$tool"
[ -f "$small_tool/config.json" ] || python3 -m tooling.benchmarks.tool_shape distilroberta "$small_tool"
speculation="python3 -m tooling.benchmarks.speculation --chat-model $model --dummy --fp8 --compiled --random-tool --settle 0.05 -n 240"
for part in "$@"; do
    echo "== $part"
    start=$(date +%s)
    case $part in
        starts) python3 -m tests.hardware.vllm.starts --model "$model" --dummy ;;
        faults) ENFORCE_EAGER=1 python3 -m tests.hardware.vllm.faults --model "$model" --dummy ;;
        faults-both) python3 -m tests.hardware.vllm.faults --model "$model" --dummy --tool-model "$tool" --fp8 ;;
        bf16) python3 -m tooling.benchmarks.serving --model "$model" --dummy --concurrency 1 32 128 --barge-in 0.25 ;;
        fp8) python3 -m tooling.benchmarks.serving --model "$model" --dummy --fp8 --concurrency 1 32 128 --contenders ours asyncllm ;;
        both) python3 -m tooling.benchmarks.serving --model "$model" --dummy --tool-model "$tool" --concurrency 1 32 128 --contenders ours-both ;;
        capacity) python3 -m tooling.benchmarks.serving.capacity --model "$model" --dummy ;;
        capacity-fp8) python3 -m tooling.benchmarks.serving.capacity --model "$model" --dummy --fp8 ;;
        speculation) $speculation --tool-model "$tool" ;;
        speculation-small) $speculation --tool-model "$small_tool" ;;
        router)
            python3 -m tooling.benchmarks.routing "$tool" --against-eager --rounds 5
            python3 -m tooling.benchmarks.routing "$small_tool" --against-eager --rounds 5
            ;;
        *) echo "no such part: $part" && false ;;
    esac 2>&1 | grep --line-buffered -v '^{' | tee "$out/$part.txt" || failed=1
    echo "== $part: $(($(date +%s) - start)) s"
done
exit "$failed"
