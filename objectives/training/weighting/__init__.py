"""Loss weightings."""
