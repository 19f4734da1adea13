"""What is wrong with a store, and what to do about it: a module for each thing that is checked, one that repairs."""
