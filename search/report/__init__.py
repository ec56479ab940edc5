"""Reports of a study: terminal, page, live view. They read the storage and never write to it."""
