"""L2: proposes, runs, stores, reports, exports; the command line."""
