"""Pure functions on arrays: intervals, tests, overdispersion, screening, decomposition. They know no paper."""
