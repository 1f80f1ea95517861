"""Premiums that are quoted and paid in coin, and what that does to a delta.

Deribit's inverse options pay max(S - K, 0) / S coins, and their premium is quoted in coin: the Black-76
price in dollars over the forward of the expiry. Linear options are quoted in dollars (or USDC), and nothing
changes. The delta that Deribit states is that of the dollar price.
"""

from __future__ import annotations

from typing import TypeVar

from quant_contracts.blocks import Column

Numbers = TypeVar("Numbers", float, Column)


def coin_premium(price: Numbers, forward: Numbers) -> Numbers:
    """Premium in coin of an inverse option that is worth `price` in dollars.

    >>> coin_premium(4_500.0, 90_000.0)
    0.05
    """
    return price / forward


def quote_premium(premium: Numbers, forward: Numbers) -> Numbers:
    """Price in dollars of an inverse option with a premium in coin.

    >>> quote_premium(0.05, 90_000.0)
    4500.0
    """
    return premium * forward


def coin_delta(delta: Numbers, premium: Numbers) -> Numbers:
    """Coins to sell against one inverse option so that its value *in coin* does not move with the price.

    The premium is itself held in coin: d(P/F)/dF * F = delta - P/F, which Deribit calls the net transaction
    delta.

    >>> coin_delta(0.55, 0.05)
    0.5
    """
    return delta - premium
