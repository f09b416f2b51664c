"""The kinds of resource that manifests can declare; one file is one kind."""
