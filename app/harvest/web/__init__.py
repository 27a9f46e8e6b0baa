"""The frontend: a Dash app that draws pages and speaks to the backend for the browser."""
