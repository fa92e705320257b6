"""The command line: wires, no logic."""
