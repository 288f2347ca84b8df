"""Client of a Yap Text Inference server: sessions on trio or asyncio over one core without I/O.

The package stands alone: it imports nothing of the project that it lies in.
"""
