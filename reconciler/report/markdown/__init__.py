"""Markdown for the comment of a pull request, or an issue: a plan, how an apply ended, drift, findings."""
