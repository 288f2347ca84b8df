"""Variables of libraries and of the system that change what a launch does, and which of them may be written down."""

import re

from runtime.settings.links import is_injected, is_library

# By their whole names; of them too `restart` must find what the launch had.
NAMES = frozenset(
    {
        *("XDG_CACHE_HOME", "LD_LIBRARY_PATH", "LD_PRELOAD", "CC", "CXX"),
        *("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE", "SSL_CERT_DIR"),
        *("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "all_proxy", "no_proxy"),
        *("KMP_AFFINITY", "KMP_BLOCKTIME", "OPENBLAS_NUM_THREADS", "DO_NOT_TRACK"),
    }
)
# mpirun and its like set these for each process they start: another launch's are of no use.
OF_A_RANK = ("OMPI_", "PMIX_", "PRTE_", "MPI_", "MASTER_")
SECRET_NAME = re.compile(r".*(TOKEN|KEY|SECRET|PASSWORD|PASSWD|CREDENTIALS?|HEADERS|DSN|COOKIE)", re.DOTALL)
SWITCH = re.compile(r"\s*(0|1|true|false|yes|no|on|off)\s*", re.IGNORECASE)
WITH_A_PASSWORD = re.compile(r"://[^/?#\s]*@")


def is_foreign(name: str) -> bool:
    """Whether a launch does something else with it, or with another value of it; settings of ours apart."""
    return name in NAMES or (is_library(name) and not is_injected(name) and not name.startswith(OF_A_RANK))


def is_secret(name: str, value: str) -> bool:
    """Whether a value may be one that nobody must read: by the name it has, or a password in an address."""
    said = SECRET_NAME.fullmatch(name) is not None and SWITCH.fullmatch(value) is None
    return said or WITH_A_PASSWORD.search(value) is not None


__all__ = ["is_foreign", "is_secret"]
