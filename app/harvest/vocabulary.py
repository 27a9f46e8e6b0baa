"""The entity and relation types that a new HARVEST starts with; admins edit them afterwards."""

ENTITY_TYPES = (
    "Gene", "Protein", "Chemical", "Disease", "Phenotype", "Organism",
    "Cell type", "Tissue", "Pathway", "Process", "Method", "Environment",
)  # fmt: skip

RELATION_TYPES = (
    "activates", "inhibits", "increases", "decreases", "regulates", "expresses",
    "encodes", "binds", "interacts with", "phosphorylates", "catalyses", "transports",
    "produces", "degrades", "causes", "prevents", "treats", "is associated with",
    "correlates with", "is a marker of", "is part of", "contains", "is located in", "occurs in",
    "participates in", "depends on", "precedes", "responds to", "is measured by", "is a kind of",
    "is same as", "differs from",
)  # fmt: skip
