"""HTTP access to the execution chain; an extra (`pip install govlint[api]`)."""
