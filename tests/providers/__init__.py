"""The providers, asked over a wire we can see."""
