"""What all servers share, unless a group or a server says otherwise. Every setting is explained in docs/settings.md."""

# The account that is made for you: the only one that may log in, with sudo.
admin_user = "sysop"

# Who may log in as that account: public keys, as lines ("ssh-ed25519 AAAA... you@laptop") or as paths of .pub files.
admin_keys = ["~/.ssh/id_ed25519.pub"]

# HARVEST's first administrator, who makes everybody else's account there. The password stays outside of this file: in
# an environment variable ({"env": NAME}), a file ({"file": PATH}), or what a command prints ({"command": [WORD, ...]}).
# first_admin = "you@example.org"
# first_admin_password = {"command": ["pass", "harvest"]}
