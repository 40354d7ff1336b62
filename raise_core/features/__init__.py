"""From pictures to feature vectors: encoders, what is to be extracted, and the extraction itself."""
