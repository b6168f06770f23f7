"""One file per kind of message: our dataclass, and its way to the models and back."""
