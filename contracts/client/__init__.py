"""Python side of the contracts: EIP-712 messages, bindings, transaction sender, event follower."""
