"""HARVEST: research groups annotate papers with sentences and triples (entity - relation - entity)."""

VERSION = "1.0.0"
