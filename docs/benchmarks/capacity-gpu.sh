#!/usr/bin/env bash
# What stands in capacity.md: run from the repository's root on two GPUs of one host, with vLLM importable by `python3`.
# Usage: docs/benchmarks/capacity-gpu.sh OUT PHASE...; a phase is bf16-1, bf16-2, fp8-1 or fp8-2: ours on the first GPU and
# `vllm serve` on the second at the same time, each with half of the cores; in -2 they change places. A line of JSON each
# is appended to OUT/capacity.jsonl. With one GPU, `PHASES_AT_ONCE=0` runs them one after the other on it.
set -uo pipefail
out=$1
shift
model=${MODEL:-/tmp/shape-8b}
[ -f "$model/config.json" ] || python3 -m tooling.benchmarks.serving.shape 8b "$model"
half=$(($(nproc) / 2))
read -ra more <<<"${CONTENDER_FLAGS:---max-len 4096 --max-num-seqs 256}"
read -ra callers <<<"${CALLER_FLAGS:---smallest 256 --resolution 0.1 --spread 6 --settle 10 --window 24}"

load() { # CONTENDER GPU PHASE
    local name="$1-$3" cpus="0-$((half - 1))" quantised=()
    [ "$2" = 1 ] && cpus="$half-$((2 * half - 1))"
    [ "${3%-*}" = fp8 ] && quantised=(--fp8)
    CUDA_VISIBLE_DEVICES=$2 taskset -c "$cpus" python3 -u -m tooling.benchmarks.serving.capacity --model "$model" --dummy \
        --max-out 64 --most "${MOST:-4096}" "${more[@]}" "${quantised[@]}" --contender "$1" --label "$3" \
        --document "$out/$name.json" -- "${callers[@]}" >>"$out/capacity.jsonl" 2> >(tee "$out/$name.txt" >&2)
}

for phase in "$@"; do
    echo "== $phase"
    first=ours second=vllm-serve
    [ "${phase#*-}" = 2 ] && first=vllm-serve second=ours
    if [ "${PHASES_AT_ONCE:-1}" = 1 ]; then
        load "$first" 0 "$phase" &
        load "$second" 1 "$phase"
        wait
    else
        load "$first" 0 "$phase"
        load "$second" 0 "$phase"
    fi
done
