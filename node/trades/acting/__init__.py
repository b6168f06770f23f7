"""What one party decides or time makes due: signed once, sent once, told to whom it concerns."""
