"""From a venue's frames, as they came over the wire, to typed and normalised facts in whole ticks and lots.

said          what one frame can say of a book, and the kinds of messages there are
exact         decimal text as whole steps, times, and what is refused
parser        the one door: counts what it refuses, and raises nothing
arrival       when a frame became known, by a clock that may be wrong
witnesses     whether that clock ran behind, where the wanted frames say no time
recorded      frames line by line out of a file
venues        the readers by the name of their venue
binance, deribit, coinbase, okx, bybit, hyperliquid
binance_messages, deribit_messages
              what the two largest of them send, field by field
"""
