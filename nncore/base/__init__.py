"""What several rooms share. It imports nothing of nncore but errors, so that every room may stand on it."""
