"""What the field sends, bounded and checked; the attestations it becomes, signed here or taken from attesters."""
