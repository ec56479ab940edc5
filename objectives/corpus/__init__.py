"""From files to the rows of a study's tasks: read, repaired, vetted, cleaned, and split; the same for every trial."""
