"""Value flow: which values reach which expression, found by abstract interpretation."""
