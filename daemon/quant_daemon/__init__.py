"""How it runs: time, order, memory and the life of an engine. Knows parts by name only.

bus        typed topics, resolved at wiring to plain call lists
clock      the one source of time, virtual in a backtest
registry   parts by entry point, ours and a stranger's by the same door
about      what is to be known of a part before it is named
loader     a static strategy becomes an assembled engine
engine     the lifecycle and one step
lane       one symbol's way from features to orders
blockwise  the same steps, visiting only those in which something can change
driver     pushes time
journal    remembers
commands   what a user types
"""
