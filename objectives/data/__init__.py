"""From files to rows and tensors. What is dropped or repaired is a Finding; what cannot be used, a DataError."""
