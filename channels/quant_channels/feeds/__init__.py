"""The sources a run can name: a file, the catalog, or a generated path."""
