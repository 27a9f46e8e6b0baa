"""HARVEST behind nginx with TLS: https://DOMAIN/"""

mode = "nginx"
base_path = "/"
