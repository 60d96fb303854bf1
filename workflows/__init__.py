"""Use cases: one public function for each thing the business does; they own the transactions."""
