"""What a run would see at one moment, as a page for people.

    look       opens the declared streams of a symbol and lets them be known up to the moment
    sight      what is there to be seen, as plain numbers: what `--json` prints and every picture draws
    ladder     the order book, level by level and cumulated
    smile      quoted and fitted volatilities of each expiry
    term       volatility at the money over the time to expiry
    tape       trades and best prices around the moment
    timeline   documents and their scores over time
    plot       axes, lines, bars and dots that fit any width
    page       the whole page, in one file

From `ladder` on everything is a pure function from data to HTML text.
"""
