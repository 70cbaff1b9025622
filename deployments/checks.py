"""System checks that find wrong settings before they hurt."""
