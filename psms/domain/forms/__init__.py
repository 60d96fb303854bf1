"""Request forms: the custom fields of a service's tickets, and what is right for them. Storing them is elsewhere."""
