"""What a run may say happened: one module a rule, each a watcher of the run's events."""
