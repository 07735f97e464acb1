"""Training: the loop of ``fit``, what it samples and shows, why it diverged, and one step taken apart."""
