"""Statistics as pure functions on arrays: intervals, tests, overdispersion, screening, decomposition, growth."""
