"""What people see of a study, while it runs and after. The storage is read here and never written."""
