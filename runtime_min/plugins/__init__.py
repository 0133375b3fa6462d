"""The execution chain of spec 001: services, tool runner, registry, plugins."""
