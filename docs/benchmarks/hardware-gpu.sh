#!/usr/bin/env bash
# The hardware checks of the pinned vLLM, for one loan of a machine: run from the repository's root, with that vLLM
# importable by `python3` (`just setup vllm` and PATH=$PWD/.venvs/vllm/bin:$PATH, or a bundle in PYTHONPATH).
# Usage: docs/benchmarks/hardware-gpu.sh OUT [PART...]; without parts those that this machine's GPUs allow, the most
# telling first. Results go to OUT/PART.txt as they come, OUT/versions.json says what they are of, OUT/verdicts.txt has a
# line a part, status 1 if one failed. A part that runs past its limit (LIMIT, seconds) is ended and the next one begins.
# One GPU: starts faults fp8 faults-both both contract; two: tensor-compiled tensor-faults-compiled
# tensor-compiled-plain data-faults. Then write what ran into docs/hardware.md and tests/hardware/runs.py.
set -uo pipefail
out=$1
shift
limit=${LIMIT:-600}
failed=0
mkdir -p "$out"
python3 -m tests.hardware.versions >"$out/versions.json" || exit
gpus=$(python3 -m tests.hardware.versions --gpus)
if [ "$#" -eq 0 ]; then
    [ "$gpus" -ge 1 ] || { echo "no NVIDIA GPU here" && exit 3; }
    set -- starts faults fp8 faults-both both contract
    [ "$gpus" -lt 2 ] || set -- tensor-compiled tensor-faults-compiled tensor-compiled-plain data-faults
fi
for part in "$@"; do
    start=$(date +%s)
    case $part in
        starts | faults | faults-both | fp8 | both) command=(docs/benchmarks/one-gpu.sh "$out" "$part") ;;
        tensor-* | data-faults) command=(docs/benchmarks/two-gpus.sh "$out" "$part") ;;
        contract) command=(python3 -m pytest -q -p no:cacheprovider tests/engines/vllm/test_arguments.py tests/engines/vllm/test_live.py) ;;
        *) echo "no such part: $part" && exit 2 ;;
    esac
    # In a group of its own, which is over before the next part begins: what is left would hold that one's memory.
    # shellcheck disable=SC2016 # they are the inner shell's
    setsid --wait bash -c 'echo $$ >"$0.group" && exec timeout "${@}"' "$out/$part" "$limit" "${command[@]}" 2>&1 |
        tee "$out/$part.log"
    status=${PIPESTATUS[0]}
    group=$(<"$out/$part.group") && rm "$out/$part.group"
    for _ in {1..60}; do pgrep -g "$group" >/dev/null && sleep 1; done
    pkill -KILL -g "$group"
    verdict=ok
    [ "$status" -eq 0 ] || { verdict="FAILED ($status)" && failed=1; }
    echo "$part: $verdict, $(($(date +%s) - start)) s" | tee -a "$out/verdicts.txt"
done
exit "$failed"
