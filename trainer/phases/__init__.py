"""What a phase learns, and what is minimised in it: one file each, with the same three functions.

`learns(network, recipe)`: the parameters that are trained, in groups. `counts(batch)`: what each term of the loss is divided
by, known before the network runs, so that the counts of all micro-batches and workers make one mean.
`terms(network, batch, recipe)`: the sums, with gradients, by the same names; and how much each weighs.
"""
