"""Jobs followed through their state machine: births, writes and the steps between them."""
