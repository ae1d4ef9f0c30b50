"""YAML files that people write: read with the line of everything, and told what is wrong and what to write instead."""
