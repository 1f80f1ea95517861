"""Made-up streams beside the bars, all of them views of one `MarketPath`: tape, book, chain, headlines."""
