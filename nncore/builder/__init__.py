"""The interactive builder: a page in the browser that builds and trains networks on the same core as a script.

`nncore.builder.server` serves the page and talks to it over one WebSocket; `nncore.builder.session` owns the model,
which one thread trains. Every number that is shown is the core's.
"""
