"""The read side: what pages and programs are shown, with a constant number of queries."""
