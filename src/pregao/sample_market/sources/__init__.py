"""The formats of the sources: one module for each, which turns the market's values into an answer."""
