"""Voxsmith as it is imported: `voxsmith.pipeline`, `voxsmith.stages`, … In a clone these are links to the folders beside.

No other name is imported from here: a folder `stages` or `models` where somebody works is theirs.
"""
