#!/usr/bin/env bash
# What telemetry costs beside a real engine on one GPU: run from the repository's root, with vLLM importable by `python3`.
# Usage: docs/benchmarks/telemetry-gpu.sh OUT WAY...: WAY is off or all (page, OTLP, Sentry); each is a start of its own,
# measured three times, its rows appended to OUT/WAY.jsonl. `page` starts a server, loads it and keeps OUT/metrics.txt.
set -uo pipefail
out=$1
shift
model=${MODEL:-/tmp/shape-8b}
[ -f "$model/config.json" ] || python3 -m tooling.benchmarks.serving.shape 8b "$model"
python3 -m tooling.benchmarks.telemetry.receivers 4318 &
receiver=$!
trap 'kill "$receiver"' EXIT
all=(METRICS_ENABLED=1 OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:4318 SENTRY_DSN=http://key@127.0.0.1:4318/42)

measure() {
    env "${@:2}" python3 -m tooling.benchmarks.serving --model "$model" --dummy --concurrency 32 128 --max-num-seqs 256 \
        --rounds 3 --contenders ours --json | grep '^{"contender"' >>"$out/$1.jsonl"
}

page() {
    # All connections must be found in one page: the load keeps running while it is read.
    env "${all[@]}" TEXT_API_KEY=k MAX_CONCURRENT_CONNECTIONS=64 DEPLOY_MODE=chat CHAT_MODEL="$model" SERVER_PORT=8123 \
        SERVER_BIND_HOST=127.0.0.1 INFERENCE_ENGINE=vllm CHAT_MAX_OUT=128 CHAT_MAX_LEN=4096 CHAT_MAX_NUM_SEQS=64 \
        python3 -m tooling.benchmarks.serving.dummy_weights >"$out/server.log" 2>&1 &
    local server=$!
    until SERVER_PORT=8123 python3 -m tooling.probe /readyz 2>/dev/null; do
        kill -0 "$server" || return 1
        sleep 1
    done
    TEXT_API_KEY=k timeout 60 python3 -m tooling.clients.bench -n 256 -c 32 --server ws://127.0.0.1:8123/ws >"$out/bench.txt" 2>&1 &
    local load=$!
    sleep 8
    python3 -m tooling.benchmarks.telemetry.page 8123 >"$out/metrics-loaded.txt"
    wait "$load"
    python3 -m tooling.benchmarks.telemetry.page 8123 >"$out/metrics.txt"
    kill "$server"
    wait "$server"
}

failed=0
for way in "$@"; do
    case "$way" in
        off) measure off || failed=1 ;;
        all) measure all "${all[@]}" || failed=1 ;;
        page) page || failed=1 ;;
    esac
done
exit "$failed"
