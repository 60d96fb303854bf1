-- Takes back what 30_changes built.
DROP TABLE changes;
