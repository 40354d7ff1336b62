"""From an image file to the picture a network sees: read, resample, window, crop, mask."""
