"""What a person sees. Nothing here calls a model."""
