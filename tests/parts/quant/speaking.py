"""What models say greedily, in the environment that quantises: `speaking DIRECTORY...` prints token ids by question."""

import json
import sys

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

QUESTIONS = ("Hello, how are you?", "What is the capital of France?", "Tell me about the sea.")
TOKENS = 8


def said_by(place: str) -> list[list[int]]:
    """Token ids for each question."""
    tokenizer, model = AutoTokenizer.from_pretrained(place), AutoModelForCausalLM.from_pretrained(place, dtype="auto")
    said = []
    for question in QUESTIONS:
        inputs = tokenizer.apply_chat_template(
            [{"role": "user", "content": question}], add_generation_prompt=True, return_tensors="pt", return_dict=True
        )
        with torch.no_grad():
            told = model.generate(
                input_ids=inputs["input_ids"],
                attention_mask=inputs["attention_mask"],
                max_new_tokens=TOKENS,
                do_sample=False,
            )
        said.append(told[0][inputs["input_ids"].shape[1] :].tolist())
    return said


if __name__ == "__main__":
    print(json.dumps([said_by(place) for place in sys.argv[1:]]))
