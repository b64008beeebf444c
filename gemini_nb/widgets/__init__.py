"""What runs in the browser, and the models behind it. `src/` is built to `static/`."""
