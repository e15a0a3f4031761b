"""OCI images: layouts, archives and registries' manifests, and one walk from index to layers."""
