"""Facts in: the canonical tables, read as source.toml says, validated, and cut by time."""
