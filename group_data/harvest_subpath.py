"""HARVEST behind nginx with TLS, below a path: https://DOMAIN/harvest/"""

mode = "nginx"
base_path = "/harvest/"

# A certificate from Let's Encrypt, renewed by itself. Without a public name: "selfsigned", "files" or "off".
tls = "letsencrypt"
