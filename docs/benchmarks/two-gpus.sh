#!/usr/bin/env bash
# What stands in h200-vllm.md about two GPUs: run from the repository's root, with vLLM (and ray) importable by `python3`.
# Usage: docs/benchmarks/two-gpus.sh OUT PART...; results go to OUT/PART.txt, status 1 if a part failed. Parts:
# tensor tensor-compiled tensor-compiled-plain tensor-faults tensor-faults-compiled data data-faults ray ray-faults nodes
# `ray` and `ray-faults` want a running Ray node with two GPUs; `nodes` starts two of one GPU each, and
# ends them and every other one of this host.
set -uo pipefail
out=$1
shift
failed=0
small=${MODEL:-/tmp/shape-8b}
large=${LARGE:-/tmp/shape-70b}
[ -f "$small/config.json" ] || python3 -m tooling.benchmarks.serving.shape 8b "$small"
[ -f "$large/config.json" ] || python3 -m tooling.benchmarks.serving.shape 70b "$large"
# Eager, so that restarts are short; short replies, because a step takes long then.
faults=(env ENFORCE_EAGER=1 python3 -m tests.hardware.vllm.faults --dummy --max-out 300)
serving="python3 -m tooling.benchmarks.serving --dummy"
IFS=, read -r one other _ <<<"${CUDA_VISIBLE_DEVICES:-0,1}"

# on_node ADDRESS GPU COMMAND...: as if on a machine of its own.
on_node() {
    env VLLM_HOST_IP="$1" CUDA_VISIBLE_DEVICES="$2" NCCL_SOCKET_IFNAME=lo GLOO_SOCKET_IFNAME=lo "${@:3}"
}

# shellcheck disable=SC2329 # through `bash -c`
ray() {
    python3 -m ray.scripts.scripts "$@"
}
export -f ray

# Two Ray nodes with an address and a GPU each; the server on the first. NCCL takes another host id for another machine,
# so that what the ranks send each other goes through TCP and not from GPU to GPU.
nodes() (
    [ -n "$other" ] || { echo "CUDA_VISIBLE_DEVICES names one GPU, this part needs two" && return 1; }
    ! pgrep -f raylet/raylet >/dev/null || { echo "a Ray node is running: end it first (ray stop)" && return 1; }
    trap 'ray stop -f' EXIT
    on_node 127.0.0.2 "$one" env NCCL_HOSTID=one bash -c \
        'ray start --head --node-ip-address=127.0.0.2 --port=6379 --num-gpus=1 --include-dashboard=false' || return
    on_node 127.0.0.3 "$other" env NCCL_HOSTID=other bash -c \
        'ray start --address=127.0.0.2:6379 --node-ip-address=127.0.0.3 --num-gpus=1' || return
    RAY_ADDRESS=127.0.0.2:6379 on_node 127.0.0.2 "$one" "$@"
)

for part in "$@"; do
    echo "== $part"
    start=$(date +%s)
    case $part in
        tensor) $serving --model "$large" --tensor-parallel 2 --gpu-frac "${FRACTION:-0.95}" --concurrency 1 32 --contenders ours --eager --max-out 64 ;;
        tensor-compiled) $serving --model "$small" --tensor-parallel 2 --concurrency 1 32 --contenders ours --max-out 64 ;;
        # Without flashinfer's and torch's own reductions, which want kernel sources and NVLink multicast.
        tensor-compiled-plain)
            env VLLM_ALLREDUCE_USE_FLASHINFER=0 VLLM_ALLREDUCE_USE_SYMM_MEM=0 VLLM_BATCH_INVARIANT=1 \
                python3 -m tooling.benchmarks.serving --dummy --model "$small" --tensor-parallel 2 --concurrency 1 32 \
                --contenders ours --max-out 64
            ;;
        tensor-faults-compiled) python3 -m tests.hardware.vllm.faults --dummy --max-out 300 --model "$small" --tensor-parallel 2 ;;
        tensor-faults) "${faults[@]}" --model "$small" --tensor-parallel 2 ;;
        data) $serving --model "$small" --data-parallel 2 --concurrency 32 128 --contenders ours asyncllm --eager ;;
        data-faults) "${faults[@]}" --model "$small" --data-parallel 2 ;;
        ray) $serving --model "$small" --tensor-parallel 2 --backend ray --concurrency 1 32 --contenders ours --eager ;;
        ray-faults) "${faults[@]}" --model "$small" --tensor-parallel 2 --backend ray --max-out 150 --deaths kills ;;
        nodes) nodes "${faults[@]}" --model "$small" --pipeline-parallel 2 --backend ray --max-out 150 --deaths kills ;;
        *) echo "no such part: $part" && false ;;
    esac 2>&1 | grep --line-buffered -v '^{' | tee "$out/$part.txt" || failed=1
    echo "== $part: $(($(date +%s) - start)) s"
done
exit "$failed"
