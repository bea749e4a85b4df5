"""The playground page of ``metta up``: its server on loopback, and the worker that runs beside it and can be killed.

The parent process has the stack, the emulated Chatwoot and the page's server (``stage``); the worker is a child process
(``child``) that tells what it does on a pipe (``feed``). What a page is shown are whole objects, the newest state of
each (``board``); nothing of it is written to a file or a log.
"""
