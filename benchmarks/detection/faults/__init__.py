"""One thing that is broken in a run of the reference trainer, in a file a kind.

A fault is a function of the trainer that is called once, before the step at which it begins; what
it changes is what a mistake in a user's own loop would change: rates, weights, data, what a network
is shown. None of them touches the monitor.
"""
