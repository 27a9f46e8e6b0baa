"""Security headers of every answer of the frontend."""

from __future__ import annotations

from collections.abc import Sequence

from harvest.settings import Settings


def content_security_policy(settings: Settings, script_hashes: Sequence[str]) -> str:
    """What pages may load.

    Scripts: ours, Dash's one inline line by its hash, and pdf.js's image decoders (WebAssembly); no eval.
    Styles: also inline, since React and pdf.js set them.
    """
    fetched = "" if settings.internal else f" {settings.public_origin}"
    return "; ".join(
        (
            "default-src 'none'",
            f"script-src 'self' 'wasm-unsafe-eval' {' '.join(script_hashes)}",
            "style-src 'self' 'unsafe-inline'",
            f"img-src 'self' data: blob:{fetched}",
            "font-src 'self' data:",
            f"connect-src 'self'{fetched}",
            "worker-src 'self'",
            "manifest-src 'self'",
            "base-uri 'none'",
            "form-action 'self'",
            "frame-ancestors 'self'",
        )
    )


def security_headers(settings: Settings, script_hashes: Sequence[str]) -> dict[str, str]:
    return {
        "Content-Security-Policy": content_security_policy(settings, script_hashes),
        "X-Content-Type-Options": "nosniff",
        "X-Frame-Options": "SAMEORIGIN",
        "Referrer-Policy": "same-origin",
    }
