"""Terraform for experiment tracking: experiments, runs and logged models as YAML in Git."""

__version__ = "0.1.0"
