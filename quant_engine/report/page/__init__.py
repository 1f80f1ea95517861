"""The sections of the report's page, each made from the analysis and the summary."""
