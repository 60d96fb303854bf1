"""Password hashes: Argon2id with parameters that one login can afford on two cores."""

from argon2 import PasswordHasher

# OWASP Password Storage Cheat Sheet: Argon2id, at least 19 MiB and two passes.
_HASHER = PasswordHasher(time_cost=2, memory_cost=32 * 1024, parallelism=1)


def password_hash(password: str) -> str:
    """Return the encoded hash of *password*, with its salt and parameters."""
    return _HASHER.hash(password)
