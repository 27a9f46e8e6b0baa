"""HARVEST behind nginx with TLS, below a path: https://DOMAIN/harvest/"""

mode = "nginx"
base_path = "/harvest/"
