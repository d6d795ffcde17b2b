"""Everything that speaks SQL: the only package that imports asyncpg."""
