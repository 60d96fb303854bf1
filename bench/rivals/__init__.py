"""Other people's libraries that PSMS is measured against. They are installed apart, never among its dependencies."""
