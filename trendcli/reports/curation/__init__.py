"""Reports on topic definitions: checking, sampling, comparing and creating them."""
