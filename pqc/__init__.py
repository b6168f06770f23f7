"""Post-quantum signatures and the encrypted keystore; pure functions over bytes."""
