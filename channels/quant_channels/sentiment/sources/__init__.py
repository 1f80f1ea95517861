"""Where texts appear: feeds, news services, Reddit, X and files. Each turns its answers into raw items."""
