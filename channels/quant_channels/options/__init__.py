"""Options: prices, sensitivities, implied volatilities and the surfaces that are fitted to a chain.

    normal      the normal distribution
    pricing     Black-76 and Black-Scholes prices, and the bounds of any price
    greeks      sensitivities of a price
    coin        premiums quoted in coin, as Deribit does
    implied     the volatility in a price, or the reason why there is none
    parity      the forward that calls and puts agree on
    quotes      from the quotes of one expiry to the volatilities to fit
    smile       what a model of one expiry is, and whether its density is positive
    svi, sabr   models of one expiry
    ssvi        one model for all expiries, free of arbitrage by construction
    solver      least squares, by way of scipy
    calibrate   a whole chain to a fitted surface
    surface     the fitted surface, and what may be read from it
    checks      butterfly and calendar arbitrage of a surface
    strikes     from a delta to a strike
    measures    at-the-money volatility, skew, smile, term slope and roll-down
    portfolio   sensitivities of a book of options

and what a run sees of them:

    handler          the chain as of now: the last quote of every option
    chain_file       quotes from Parquet files, laid out as chain_layouts says
    latest           the last quote of each option among many
    chain_fit        from the chain of a moment to its surface
    surface_event    fitted surfaces as events, and back
    fitted, stored   surfaces as a stream: fitted as quotes go by, or read from a file
    surface_handler  the last surface
    features         channels that read the chain or the surface

Throughout: years are actual days / 365 (`YEAR` nanoseconds), volatility is a fraction per square root of a
year (0.65 is 65%; a volatility point is 0.01), k is ln(strike / forward), and w is total variance,
volatility squared times years.
"""
