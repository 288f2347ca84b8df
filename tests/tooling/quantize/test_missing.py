"""A weight that is not in a checkpoint is made up by the library that loads it: that is found out."""

import logging

from tooling.quantize.worker.missing import Missing

REPORT = """LlamaForCausalLM LOAD REPORT from: /there
Key                                       | Status     |
------------------------------------------+------------+-
model.layers.0.experts.0.up_proj.weight_p | UNEXPECTED |
model.layers.{0, 1}.mlp.experts.down_proj | MISSING    |
"""


def test_names_are_those_of_the_report_while_it_listens() -> None:
    library = logging.getLogger("transformers.modeling_utils")
    library.warning(REPORT)
    with Missing() as missing:
        library.warning("%s", REPORT)
        library.info(REPORT.replace("down_proj", "never"))
        library.warning("something else")
    library.warning(REPORT)
    assert missing.names == ["model.layers.{0, 1}.mlp.experts.down_proj"]
