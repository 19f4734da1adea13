"""Report -> text or chart. Each format is one function in one module, named in core/registry.py; only `cli` prints."""
