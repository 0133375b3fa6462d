"""What a gate guarantees on every path: metrics, validation, envelopes."""
