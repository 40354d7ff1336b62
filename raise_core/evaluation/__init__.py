"""Landmark sets, resampling, concordance and comparisons: how well a risk orders the patients still at risk."""
