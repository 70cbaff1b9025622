"""The read side of pages and API. Each query needs a constant number of database queries."""
