"""Report -> text. Each format is one function in one module, named in registry.py; only the command line prints."""
