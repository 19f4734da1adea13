"""Engines for a corpus that outgrows one machine; each is an optional extra."""
