"""The kernel: ports, state machines, budgets, the gate. The only caller of a capability."""
