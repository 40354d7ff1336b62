"""RAISE: imaging, laboratory and size markers of progression in neuroendocrine tumours."""

__version__ = "0.1.0"
