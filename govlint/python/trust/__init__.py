"""What spec 004 asks of code: trace ids, tenants, append-only logs, tests that test."""
