"""Where submissions come from: one Source a module, named in core/registry.py; what to request next; the harvest."""
