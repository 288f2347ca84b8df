"""What `--help` says of a launch and of a restart."""

RUN = """\
usage: just run      [MODE] [QUANT] [CHAT [TOOL]] [FLAGS]     vLLM on the CPU; small models where none is named
       just run-vllm [MODE] [QUANT] CHAT [TOOL] [FLAGS]       vLLM on an NVIDIA GPU
       just run-trt  [chat|both] [QUANT] CHAT [TOOL] [FLAGS]  TensorRT-LLM on an NVIDIA GPU
       just run-tool [TOOL] [FLAGS]                           the tool model alone, no chat engine

  MODE    chat, tool or both, also --mode M; else DEPLOY_MODE, else by the models: two are both, otherwise chat
  QUANT   auto, none, 4bit, awq, 8bit, fp8, gptq, gptq_marlin, also --quant Q; else CHAT_QUANTIZATION, else auto;
          int8_sq is TensorRT-LLM's. auto serves the checkpoint as it is, none refuses a quantised one; 4bit makes an
          export once and serves it, 8bit is made while vLLM loads. What is quantised already is used as it is
  CHAT    a Hugging Face id, org/name or org/name@revision, or a local directory; else CHAT_MODEL
  TOOL    the same for the tool model; else TOOL_MODEL. It runs in float precision
          a directory named like a keyword is written ./chat

  --vllm, --trt, --engine E   the engine, vllm or trt; else INFERENCE_ENGINE, else trt; the last one counts
  --host H, --port N          where to listen (0.0.0.0, 8000)
  --toy                       just run: as chat model a toy made on this machine, which needs no network
  --detach [--follow]         leave the server running and come back when it is ready; --follow: then show its log
  --log-file P                the log of preparation and server (server.log here)
  --ready-timeout S           how long it may take to be ready once it is prepared (ENGINE_START_TIMEOUT_S + 60)
  --force-rebuild             make exports, checkpoints and engines anew; what is there stays until they are complete
  --push-quant, --push-engine upload what was made to HF_PUSH_REPO_ID (needs HF_TOKEN) before serving; one of the two
  --trust-remote-code         run code that comes with the models
  --env-file F                read NAME=value lines; the environment wins over them
  --plan [--json]             say what would be done and do nothing; needs no GPU
  --NAME VALUE                any setting, for example --chat-max-out 200 (see docs/settings.md)
  -h, --help                  this text

environment: every variable of docs/settings.md, where the command line is silent; a key is made up if TEXT_API_KEY is
unset
exit codes: 0 stopped after draining, or detached and ready, 1 a step failed or the server died before it was ready,
2 usage, 3 settings, model or machine refused, 4 already running or port in use, 6 not ready in time,
7 serving but a push failed, 130, 143 interrupted, terminated while preparing or waiting"""

RESTART = """\
usage: just restart [MODE] [QUANT] [CHAT [TOOL]] [FLAGS]

Starts the server again as it was asked for the last time, with what is named here in the place of what was asked then:
another model, another quantisation, another engine (just restart --trt). The new launch is checked whole before the
running server is touched, and what can be made beside it is made before it is stopped. Nothing is deleted.

  --vllm, --trt, --engine E   another engine, in its own environment
  --chat-model M              another chat model; --tool-model M, --chat-quant Q
  --port N                    the server to restart, where several have run; its new address stays the same
  --detach [--follow], --plan [--json], --push-quant, --push-engine, --env-file F and all others: as just run --help

  -h, --help                  this text

environment: every variable of docs/settings.md. The command line counts first, then the environment, then --env-file,
then what was recorded; a key that was made up is carried over while the old server runs
exit codes: those of just run; 5 there is no recorded run and no model is named"""

__all__ = ["RESTART", "RUN"]
