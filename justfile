# Every recipe is one program, after the set-up of what it runs in; arguments go to it unchanged.

set positional-arguments

python := "python3"
cpu := ".venvs/cpu/bin/python"
# The environment with the torch that fits this machine.
torch := if path_exists("/dev/nvidiactl") + path_exists(".venvs/vllm/bin/python") == "truetrue" { "vllm" } else { "cpu" }

# List the recipes.
[private]
default:
    @{{ just_executable() }} --list --unsorted

# Make or update a virtual environment under .venvs (cpu, quant; vllm or trt on an NVIDIA GPU).
[no-exit-message]
setup *arguments:
    @exec {{ python }} -m tooling.setup "$@"

# Serve on this machine's CPU with vLLM; without a model, a small real one (SmolLM2) is fetched first.
[no-exit-message]
run *arguments:
    @exec {{ python }} -m tooling.setup cpu --then tooling.run --cpu "$@"

# Serve with vLLM on an NVIDIA GPU.
[no-exit-message]
run-vllm *arguments:
    @exec {{ python }} -m tooling.setup vllm --then tooling.run --vllm "$@"

# Serve with TensorRT-LLM on an NVIDIA GPU; `just setup trt` installs it, this recipe never does.
[no-exit-message]
run-trt *arguments:
    @exec {{ python }} -m tooling.setup trt --ask --then tooling.run --trt "$@"

# Make a TensorRT-LLM checkpoint of a model, and stop; --plan says what would be made.
[no-exit-message]
quantize-trt *arguments:
    @exec {{ python }} -m tooling.setup trt --ask --then tooling.trt quantize "$@"

# Build the TensorRT engine of a model, and its checkpoint if that is missing; --plan says what would be made.
[no-exit-message]
build-trt *arguments:
    @exec {{ python }} -m tooling.setup trt --ask --then tooling.trt build "$@"

# Serve the tool model alone, on the GPU if vLLM's environment is there; without a model, the demo one is made first.
[no-exit-message]
run-tool *arguments:
    @exec {{ python }} -m tooling.setup {{ torch }} --then tooling.run --mode tool "$@"

# Start the last server again, changed as named (--chat-model M, --chat-quant Q, --trt ...); checked before it is stopped.
[no-exit-message]
restart *arguments:
    @exec {{ python }} -m tooling.setup cpu --any --then tooling.restart "$@"

# Stop a server: it drains, and is ended if it does not; nobody else's process is ever touched.
[no-exit-message]
stop *arguments:
    @exec {{ python }} -m tooling.setup cpu --any --then tooling.stop "$@"

# Show the servers that run here: phase, process, address, models, readiness, GPU memory, log.
[no-exit-message]
status *arguments:
    @exec {{ python }} -m tooling.setup cpu --any --then tooling.status "$@"

# Show the log of a server, then what comes; Ctrl+C leaves the log, the server runs on.
[no-exit-message]
logs *arguments:
    @exec {{ python }} -m tooling.setup cpu --any --then tooling.logs "$@"

# Make a quantised export for vLLM (4bit or 8bit) and say where it is; run-vllm serves it.
[no-exit-message]
quantize-vllm *arguments:
    @exec {{ python }} -m tooling.setup {{ torch }} --quant --then tooling.quantize "$@"

# Delete what was made below YAP_HOME (quant, engines, models or all): lists it, asks, leaves alone what is in use.
[no-exit-message]
clean *arguments:
    @exec {{ python }} -m tooling.setup cpu --any --then tooling.clean "$@"

# Upload what was quantised or built here to the Hub: --quant or --engine; --dry-run says what would be uploaded.
[no-exit-message]
push *arguments:
    @exec {{ python }} -m tooling.setup cpu --any --then tooling.push "$@"

# Say what would keep a server from running here: GPU, driver, CUDA, Python, packages, MPI, machine, settings.
[no-exit-message]
doctor *arguments:
    @exec {{ python }} -m tooling.setup cpu --any --then tooling.doctor "$@"

# Talk to a running server in this terminal.
[no-exit-message]
live *arguments:
    @exec {{ python }} -m tooling.setup cpu --then tooling.clients.live "$@"

# Say one thing to a running server and see how soon it answers.
[no-exit-message]
warmup *arguments:
    @exec {{ python }} -m tooling.setup cpu --then tooling.clients.warmup "$@"

# Talk ten scripted turns with a running server: cache reuse, eviction, latencies.
[no-exit-message]
conversation *arguments:
    @exec {{ python }} -m tooling.setup cpu --then tooling.clients.conversation "$@"

# Ask a running server to look at the screen: its decision, then what was seen handed in.
[no-exit-message]
vision *arguments:
    @exec {{ python }} -m tooling.setup cpu --then tooling.clients.vision "$@"

# Hand a long talk to a running server and ask what was said in it; --bench: by many clients at once.
[no-exit-message]
history *arguments:
    @exec {{ python }} -m tooling.setup cpu --then tooling.clients.history "$@"

# Measure a running server: time to first token, time between tokens, tokens a second.
[no-exit-message]
bench *arguments:
    @exec {{ python }} -m tooling.setup cpu --then tooling.clients.bench "$@"

# Replay labelled sessions and compare the tool router's decisions with the labels.
[no-exit-message]
tool-regression *arguments:
    @exec {{ python }} -m tooling.setup cpu --then tooling.clients.tool "$@"

# Cancel a reply of a running server while other clients get theirs: one answer, silence, and the session goes on.
[no-exit-message]
cancel-test *arguments:
    @exec {{ python }} -m tooling.setup cpu --then tooling.clients.cancel "$@"

# Open connections to a running server and end them: by `end`, after a ping, and by silence until it closes.
[no-exit-message]
idle-test *arguments:
    @exec {{ python }} -m tooling.setup cpu --then tooling.clients.idle "$@"

# How many callers fit on a running server, each behaving like a person on the phone.
[no-exit-message]
capacity *arguments:
    @exec {{ python }} -m tooling.setup cpu --then tooling.clients.capacity "$@"

# Every benchmark that needs no GPU, ours beside its rivals, and one table of ratios with verdicts. Takes about twenty minutes.
[no-exit-message]
bench-all *arguments:
    @exec {{ python }} -m tooling.setup cpu --bench --then tooling.benchmarks.every "$@"

# Hours of mixed load on a server with real vLLM, and what of it grows: memory, descriptors, tasks, latencies; --plot draws it.
[no-exit-message]
endurance *arguments:
    @exec {{ python }} -m tooling.setup cpu --bench --then tooling.benchmarks.endurance "$@"

# Make the demo models (chat, tool, smollm2 or all) and print where they are.
[no-exit-message]
demo *arguments:
    @exec {{ python }} -m tooling.setup cpu --then tooling.demo "$@"

# Turn model text into speakable text: one JSON array of chunks a line in, one JSON string a line out.
[no-exit-message]
sanitize *arguments:
    @exec {{ python }} -m tooling.setup cpu --then tooling.sanitize "$@"

# Print the settings in effect and where each comes from.
[no-exit-message]
settings *arguments:
    @exec {{ python }} -m tooling.setup cpu --then tooling.settings "$@"

# Draw the session machine into its page.
[no-exit-message]
diagram *arguments:
    @exec {{ python }} -m tooling.setup cpu --dev --then tooling.diagram "$@"

# Lint, type check, then run the tests; arguments go to pytest.
[no-exit-message]
test *arguments: lint types
    @exec {{ cpu }} -m tests "$@"

# The tests with a real engine alone (`-m engine`), without lint and types; arguments go to pytest.
[no-exit-message]
test-engine *arguments: _dev
    @exec {{ cpu }} -m tests -m engine "$@"

# The tests that run against real programs beside ours (Prometheus, Chromium, llmcompressor), fetched first; arguments go to pytest.
[no-exit-message]
test-parts *arguments: _tests-and-plots parts (_environment "quant")
    @exec {{ cpu }} -m tests tests/parts "$@"

# Autobahn's fuzzing client against our WebSocket, with and without compression; needs a Python 2.7, fetches the rest.
[no-exit-message]
autobahn *arguments:
    @exec {{ python }} -m tooling.setup cpu --dev --then tests.conformance "$@"

# Fetch those programs into .venvs/parts, out of Debian's packages and without root; prints where each is.
[no-exit-message]
parts *arguments:
    @exec {{ python }} -m tooling.parts "$@"

# Everything that must hold before a commit: lint, types, generated pages up to date, tests.
[no-exit-message]
check: lint types
    @{{ cpu }} -m tooling.settings --check
    @{{ cpu }} -m tooling.diagram --check
    @{{ cpu }} -m tooling.metrics --check
    @exec {{ cpu }} -m tests

# The property tests with their large budgets; takes hours.
[no-exit-message]
soak *arguments: _dev
    @exec {{ cpu }} -m pytest --hypothesis-profile=soak "$@"

# Run the whole server under simulated load, a history for each seed; a broken invariant is told with its trace.
[no-exit-message]
simulate *arguments:
    @exec {{ python }} -m tooling.setup cpu --dev --then tests.simulation "$@"

# Break a server with a real engine in every way that production knows, and see that all of it comes back; ten minutes.
[no-exit-message]
chaos *arguments:
    @exec {{ python }} -m tooling.setup cpu --dev --then tests.chaos "$@"

# Hold the code against the linters, the formatters, the layers and the house rules; --fix mends what can be mended.
[no-exit-message]
lint *arguments:
    @exec {{ python }} -m tooling.setup cpu --dev --then tooling.lint "$@"

# Check the types.
[no-exit-message]
types: _dev
    @exec {{ cpu }} -m mypy

# Sort imports and format the code and the scripts; --check changes nothing and fails if there is something to do.
[no-exit-message]
fmt *arguments:
    @exec {{ python }} -m tooling.setup cpu --dev --then tooling.lint fmt "$@"

# Build the image of the server on vLLM and load it into Docker; nothing is pushed.
[no-exit-message]
image-vllm *arguments:
    @exec {{ python }} -m tooling.image vllm "$@"

# The same with TensorRT-LLM.
[no-exit-message]
image-trt *arguments:
    @exec {{ python }} -m tooling.image trt "$@"

# Write down what shells complete after each recipe; tooling/completion/just.bash (zsh, fish) is what a shell sources.
[no-exit-message]
completion *arguments:
    @exec {{ python }} -m tooling.setup cpu --dev --then tooling.completion "$@"

# Hold the locked versions against known advisories; --sbom FILE writes a bill of materials with licences (CycloneDX).
[no-exit-message]
audit *arguments:
    @exec {{ python }} -m tooling.setup cpu --dev --then tooling.audit "$@"

# Resolve the pinned versions again (after a change of dependencies in pyproject.toml).
[no-exit-message]
lock *names:
    @exec {{ python }} -m tooling.setup lock "$@"

[no-exit-message, private]
_environment target:
    @exec {{ python }} -m tooling.setup {{ target }}

[no-exit-message, private]
_dev:
    @exec {{ python }} -m tooling.setup cpu --dev

[no-exit-message, private]
_tests-and-plots:
    @exec {{ python }} -m tooling.setup cpu --dev --bench
