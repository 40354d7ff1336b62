"""Files to store: reading, checking and importing what a study brings."""
