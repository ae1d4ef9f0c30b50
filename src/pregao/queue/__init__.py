"""The queue in Redis: keys, one Lua file per transition, typed commands and read-only views."""
