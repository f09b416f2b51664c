"""The tracking systems that a target can be; one module or package is one backend."""
