"""The house rules that no linter knows: what reads the tree, one module for each kind of rule, what is told of it.

Enters: a rule about how this project is written that can be decided from its files alone, without importing them.
"""
