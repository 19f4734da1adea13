"""Where submissions come from: one source a module (core/registry.py names them), the plan and the harvest."""
