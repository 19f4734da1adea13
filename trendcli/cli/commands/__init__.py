"""The commands, one file a group of them: options -> one call -> print or write."""
