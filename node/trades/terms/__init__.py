"""What both parties sign: the document, how a person writes it, what it must fulfil, the invoice it names."""
