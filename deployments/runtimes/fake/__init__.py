"""The fake runtime: keeps the contract in memory, for tests."""
