SELECT name, value FROM controls WHERE value <> ''
