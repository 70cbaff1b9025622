"""The pages about configurations and the wizard that creates them."""
