"""Channels that read options and their surface.

iv_surface     the surface in numbers, with how good and how old it is
factors        at-the-money volatility, risk reversal and butterfly
open_interest  what is held in puts and in calls
"""
