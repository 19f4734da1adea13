"""The weekly report: its settings, its digest, its folder, its schedule."""
