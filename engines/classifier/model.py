"""The loaded network and one inference of it: texts to ids, ids to rectangles, logits to probabilities of yes."""

import inspect
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from attrs import define, field

from engines.classifier.compiling import compile_network
from engines.classifier.graphs import Graphs, Record, shapes
from engines.classifier.labels import YesLabel
from engines.classifier.limits import InputLimits
from engines.classifier.rectangles import ONE, measured_overhead, rectangles

CALIBRATION_TOKENS = 256
"""Longer texts cost more than their length, since attention looks from each word at all others."""
GLOBAL_MASK = "global_attention_mask"
TRIED = ("What do you see on my screen?", "I had pasta for lunch, and it was fine.")
"""Unlike texts on which a CUDA graph is compared with the network."""
# What a padded place holds in the tensors whose padding is not the same for every tokenizer.
_PADDING = {"attention_mask": 0, "special_tokens_mask": 1}


@define(eq=False, kw_only=True)
class Model:
    """Used by the worker's thread alone: the tokenizer's truncation and torch's threads are that thread's."""

    torch: Any = field(repr=False)
    network: Any = field(repr=False)
    tokenizer: Any = field(repr=False)
    device: Any
    limits: InputLimits
    yes: YesLabel
    compiled: bool = False
    graphs: Graphs | None = None
    overhead: float = ONE
    _takes: frozenset[str] = frozenset()
    _pad_id: int | None = None

    def __attrs_post_init__(self) -> None:
        self._takes = frozenset(inspect.signature(self.network.forward).parameters)
        settings = self.network.config
        pad_id = self.tokenizer.pad_token_id
        self._pad_id = getattr(settings, "pad_token_id", None) if pad_id is None else pad_id
        if getattr(settings, "pad_token_id", None) is None:
            # Decoders look for the last token that is not padding, by this id.
            settings.pad_token_id = self._pad_id

    def probabilities(self, texts: Sequence[str]) -> list[float]:
        """The probability of yes of each text, in order. Blocking."""
        encoded = self.tokenizer(list(texts), truncation=True, max_length=self.limits.max_length)
        rows = {name: encoded[name] for name in encoded if name in self._takes}
        found = [0.0] * len(texts)
        for group, width in self._groups([len(row) for row in rows["input_ids"]]):
            part = {name: [values[place] for place in group] for name, values in rows.items()}
            for place, probability in zip(group, self._infer(part, width), strict=True):
                found[place] = probability
        return found

    def calibrate(self) -> None:
        """Find out what a call costs besides its tokens, where that decides how batches are padded."""
        if self.device.type == "cpu":
            self.overhead = measured_overhead(self._read, min(self.limits.max_length, CALIBRATION_TOKENS))

    def compile(self) -> list[str]:
        """Compile and try it, on one text and on a full batch; a sentence for the log if eager mode has to do."""
        reason = compile_network(self.torch, self.network, self._try)
        self.compiled = reason is None
        return [] if reason is None else [f"the tool model runs without TOOL_COMPILE: {reason}"]

    def capture(self, record: Record) -> list[str]:
        """Have CUDA graphs of it; a sentence for the log if it has to do without."""
        texts = [*TRIED, "a " * self.limits.max_length]
        encoded = self.tokenizer(texts, truncation=True, max_length=self.limits.max_length)
        names = tuple(name for name in encoded if name in self._takes)
        if self._pad_id is None or GLOBAL_MASK in self._takes or "attention_mask" not in names:
            return []  # no padding to a shape's width, or attention whose own shapes depend on its mask

        def samples(width: int) -> list[dict[str, list[int]]]:
            most = width * 3 // 4  # so that padding is tried at every width
            return [
                {name: self._padded(name, encoded[name][place][:most], width) for name in names}
                for place in range(len(texts))
            ]

        graphs = Graphs(torch=self.torch, device=self.device, names=names)
        wanted = shapes(self.limits.batching.max_size, self.limits.width(self.limits.max_length))
        said = graphs.add(wanted, samples, self._compute, record)
        self.graphs = graphs if len(graphs) else None
        return said

    def _try(self) -> None:
        for size in {1, self.limits.batching.max_size}:
            self.probabilities(["a"] * size)

    def _read(self, tokens: int) -> None:
        alike = {"input_ids": 0, "attention_mask": 1}
        self._infer({name: [[value] * tokens] for name, value in alike.items()}, tokens)

    def _groups(self, lengths: Sequence[int]) -> Iterator[tuple[list[int], int]]:
        """Places of the texts that share a rectangle, and its width."""
        if self._pad_id is None:
            # Without a padding token no two lengths share a rectangle; each text has one of its own.
            yield from (([place], length) for place, length in enumerate(lengths))
            return
        widths = [self.limits.width(length) for length in lengths]
        for group in rectangles(widths, self.overhead):
            yield group, max(widths[place] for place in group)

    def _infer(self, rows: Mapping[str, Sequence[Sequence[int]]], width: int) -> list[float]:
        shape = self.graphs.shape(len(rows["input_ids"]), width) if self.graphs is not None else None
        if shape is not None:
            width = shape[1]
        padded = {name: [self._padded(name, row, width) for row in values] for name, values in rows.items()}
        if self.graphs is not None and shape is not None:
            return self.graphs.run(shape, padded)
        inputs = {name: self.torch.tensor(values, device=self.device) for name, values in padded.items()}
        if GLOBAL_MASK in self._takes:
            inputs[GLOBAL_MASK] = self._global_mask(rows["input_ids"], inputs["input_ids"], width)
        with self.torch.inference_mode():
            return [float(probability) for probability in self._compute(inputs).tolist()]

    def _compute(self, inputs: Mapping[str, Any]) -> Any:
        """The probabilities of yes of tensors (texts, tokens): a tensor (texts,)."""
        logits = self.network(**inputs).logits.float()
        return logits.sigmoid()[:, 0] if self.yes.index is None else logits.softmax(-1)[:, self.yes.index]

    def _padded(self, name: str, row: Sequence[int], width: int) -> list[int]:
        value = {"input_ids": self._pad_id, "token_type_ids": self.tokenizer.pad_token_type_id, **_PADDING}.get(name, 0)
        padding = [value or 0] * (width - len(row))
        return [*padding, *row] if self.tokenizer.padding_side == "left" else [*row, *padding]

    def _global_mask(self, rows: Sequence[Sequence[int]], like: Any, width: int) -> Any:
        """Global attention on the first token of each text, which is what a Longformer's head reads."""
        mask = self.torch.zeros_like(like)
        for number, row in enumerate(rows):
            mask[number, width - len(row) if self.tokenizer.padding_side == "left" else 0] = 1
        return mask


__all__ = ["Model"]
