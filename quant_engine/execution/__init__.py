"""From a target to fills: policy (when), router (how), slippage (at what cost), matching and the desk."""
