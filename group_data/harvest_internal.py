"""HARVEST on its own port, in a trusted network: http://SERVER:8050/"""

mode = "internal"
base_path = "/"
