"""What several have to sign about a funded trade: amend, assign, cancel; asking whoever else has to sign."""
