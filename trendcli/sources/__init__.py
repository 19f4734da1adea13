"""Where submissions come from; each module holds one `Source`, named in registry.py."""
