"""Small samples in the sources' formats, written for the tests."""
