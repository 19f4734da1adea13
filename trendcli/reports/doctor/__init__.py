"""Checks of a store, one module for each kind, and repairs."""
