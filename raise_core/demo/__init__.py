"""Simulated cohorts, written as canonical import files so that they enter through the same door as anybody's."""
