"""What the stored streams of all domains have in common, and the streams beside the bars: kept as Parquet."""
