"""HARVEST behind nginx with TLS: https://DOMAIN/"""

mode = "nginx"
base_path = "/"

# A certificate from Let's Encrypt, renewed by itself. Without a public name: "selfsigned", "files" or "off".
tls = "letsencrypt"
