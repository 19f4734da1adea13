"""What a topic is, which submissions match it, and how many."""
