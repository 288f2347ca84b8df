"""The playground: a static page to try the server in, served with `PLAYGROUND=1` and nothing else.

What may enter: the page's own files (`site/`: HTML, CSS, JavaScript without a build step) and how they are served. They
are read once, at the start, into a table; a path that is not in it does not exist. The page speaks the protocol of
every other client and is given no more than they are.
"""
