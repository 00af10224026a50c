"""The modules that a program may import: loaded before the files are out of reach."""

import contextlib
import importlib
import zoneinfo

# Nearly all of the standard library that computes; what talks to the world is there as well where
# programs import it for its types, and refuses to work.
MODULES = tuple(
    """
    abc argparse array ast asyncio atexit base64 bdb binascii bisect builtins bz2 calendar cmath
    cmd code codecs codeop collections collections.abc colorsys concurrent.futures
    concurrent.futures.process concurrent.futures.thread configparser contextlib contextvars copy
    copyreg cProfile csv ctypes ctypes.util dataclasses datetime decimal difflib dis doctest
    email.message email.mime.multipart email.mime.text email.parser email.policy email.utils
    encodings.ascii encodings.charmap encodings.cp1252 encodings.hex_codec encodings.idna
    encodings.latin_1 encodings.punycode encodings.raw_unicode_escape encodings.rot_13
    encodings.unicode_escape encodings.utf_16 encodings.utf_16_be encodings.utf_16_le
    encodings.utf_32 encodings.utf_8 encodings.utf_8_sig enum errno fileinput filecmp fnmatch
    fractions ftplib functools gc getopt getpass gettext glob graphlib gzip hashlib heapq hmac html
    html.entities html.parser http http.client http.cookies http.server imaplib importlib
    importlib.abc importlib.machinery importlib.metadata importlib.resources importlib.util
    inspect io ipaddress itertools json json.decoder json.encoder keyword linecache locale
    logging logging.config logging.handlers lzma marshal math mimetypes mmap multiprocessing
    multiprocessing.pool multiprocessing.shared_memory multiprocessing.dummy multiprocessing.queues
    multiprocessing.synchronize multiprocessing.managers multiprocessing.connection
    numbers opcode operator optparse os os.path pathlib pdb pickle pickletools pkgutil platform
    plistlib poplib posixpath ntpath pprint profile pstats pty queue quopri random re reprlib
    resource runpy sched secrets select selectors shelve shlex shutil signal site smtplib socket
    socketserver sqlite3 ssl stat statistics string stringprep struct subprocess symtable sys
    sysconfig tarfile tempfile textwrap threading time timeit token tokenize tomllib trace
    traceback tracemalloc types typing unicodedata unittest unittest.mock urllib.error
    urllib.parse urllib.request uuid warnings wave weakref webbrowser wsgiref.simple_server
    xml.dom.minidom xml.etree.ElementTree xml.sax xml.sax.handler xmlrpc.client zipapp zipfile zlib
    zoneinfo _strptime _pydecimal
    """.split()
)


def preload() -> None:
    """Import every module that programs may use and that this Python was built with."""
    for name in MODULES:
        with contextlib.suppress(ImportError):
            importlib.import_module(name)
    with contextlib.suppress(zoneinfo.ZoneInfoNotFoundError):
        zoneinfo.ZoneInfo("UTC")
