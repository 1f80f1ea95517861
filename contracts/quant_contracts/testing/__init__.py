"""The public kit for authors of parts: sample data and the checks of every promise."""
