"""From a plan or its outcome to what a person or a program reads; nothing here prints."""
