"""Stacked models that train many trials at once."""
