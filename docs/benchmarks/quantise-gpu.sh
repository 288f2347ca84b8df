#!/usr/bin/env bash
# AWQ and FP8 on one GPU, made and served: run from the repository's root, with vLLM importable by `python3`.
# Usage: docs/benchmarks/quantise-gpu.sh OUT [PART...]; parts: toy (a model whose words can be compared), 1b (the shape
# of Llama 3.2 1B with random weights: size, seconds, speed). Results go to OUT/PART.txt, status 1 if a part failed.
# What quantises is .venvs/quant (`just setup quant`). Where no index can be reached: QUANT_SITE, a directory with the
# packages of tooling/locks/quant.txt, which `python3` takes besides its own torch.
set -uo pipefail
out=$1
shift
[ "$#" -gt 0 ] || set -- toy 1b
failed=0
mkdir -p "$out"
work=${WORK:-/tmp/yap-quantising}
export YAP_HOME=${YAP_HOME:-$work/home} AWQ_CACHE_DIR=$work/exports
export AWQ_CALIB_DATASET=$work/texts.jsonl
read -ra more <<<"${MORE:-}"
mkdir -p "$YAP_HOME" "$work"
if [ -n "${QUANT_SITE:-}" ] && [ ! -e .venvs/quant ]; then
    mkdir -p .venvs/quant/bin
    # shellcheck disable=SC2016 # it is the wrapper's
    printf '#!/usr/bin/env bash\nPYTHONPATH=%q:$PYTHONPATH exec %q "$@"\n' "$QUANT_SITE" "$(command -v python3)" \
        >.venvs/quant/bin/python
    chmod +x .venvs/quant/bin/python
fi
[ -f "$AWQ_CALIB_DATASET" ] || python3 -m tooling.benchmarks.quantising.texts "$AWQ_CALIB_DATASET" || exit
for part in "$@"; do
    echo "== $part"
    start=$(date +%s)
    case $part in
        toy) model=$(python3 -m tooling.demo chat) ;;
        *) model=$work/shape-$part && { [ -f "$model/model.safetensors" ] ||
            python3 -m tooling.benchmarks.quantising.weights "$part" "$model"; } ;;
    esac || exit
    python3 -m tooling.benchmarks.quantising --model "$model" --max-len 4096 "${more[@]}" 2>"$out/$part.log" |
        tee "$out/$part.txt" || failed=1
    echo "== $part: $(($(date +%s) - start)) s"
done
exit "$failed"
