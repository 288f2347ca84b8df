"""Mutations of the product, to show that the simulator bites (`just simulate --self-test`).

What may enter: patches, `NAME.patch` each, a sentence on what it breaks and then a unified diff against product code;
and the program that tries them. A mutation is a mistake that somebody could make: a line forgotten, a condition turned
round. One that changes nothing a client or an operator could see is none.
"""
