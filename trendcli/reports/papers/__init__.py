"""Reports on single submissions: lists, search, similarity, authors."""
