"""What is said and what is promised: the vocabulary every part of Quant Engine shares.

    units       the unit of every number that crosses a boundary
    errors      what can go wrong, sorted by what must happen next
    instrument  tick, lot and the exact rounding of prices and sizes
    blocks      many bars at once, as columns
    events      facts: frozen, typed, stamped
    protocols   promises: one Protocol per part, one to three methods each
    strategy    the static description of a run
    testing     the public kit that checks whether a part keeps its promise

This package imports msgspec and numpy, and nothing of ours.
"""
