"""Models that turn markers or features into a risk: fit and predict, one file each."""
