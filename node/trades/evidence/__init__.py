"""One file that proves a closed trade to anyone offline."""
