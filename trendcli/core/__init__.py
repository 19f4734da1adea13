"""What every other package may use: errors, types, periods, arXiv's categories, settings, registries."""

__version__ = "0.2.0"
