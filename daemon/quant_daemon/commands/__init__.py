"""Commands that know no part: what is installed, what a configuration means, who keeps a promise."""
