"""TensorRT-LLM on real hardware."""
