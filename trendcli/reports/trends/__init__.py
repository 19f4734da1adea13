"""Reports on topics over time: comparison, series, acceptance, explanation, verification."""
