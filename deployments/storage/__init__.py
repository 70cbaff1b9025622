"""Files that survive crashes, and how full the disk is."""
