"""What run history knows of a job: why it failed, and addresses of its log signed by the service.

The SDK shows these only in what `stream` raises, after it has read the log in the storage; where
the storage refuses the login, it shows nothing. So its own client of run history is called, which
is not public: a test with the locked SDK notices when it changes.
"""

import json
import re
from typing import Any

from hakobune.adapters.azure_answers import checked, error_text
from hakobune.adapters.azure_sdk import OPTIONS

LOG = re.compile(r"std_log\D*0*(_ps)?\.txt")
LOG_OF_NODE = "std_log_process_0*{}\\.txt"
_SIGNED = re.compile(r"https://[a-z0-9.:-]+/[!-~]{1,4096}")


def why_ended(client: Any, name: str) -> str:
    """Return code and message of a job's error; empty where the service gives none."""
    details = client.jobs._runs_operations.get_run_details(name)  # noqa: SLF001 - see above
    with checked("a job's end"):
        return error_text(json.dumps(details.error.as_dict())) if details.error else ""


def read_log(client: Any, name: str, offset: int) -> tuple[bytes, int] | None:
    """Return the log from this byte on and where to go on; None where it has no address."""
    from azure.storage.blob import BlobClient  # noqa: PLC0415 - the SDK is slow to import

    details = client.jobs._runs_operations.get_run_details(name)  # noqa: SLF001 - see above
    with checked("a job's log"):
        found = sorted((details.log_files or {}).items())
        logs = [str(url) for path, url in found if LOG.fullmatch(path.rpartition("/")[2])]
        if not logs:
            return None
        if not _SIGNED.fullmatch(logs[0]):
            raise ValueError("its address is not one of HTTPS")
    with BlobClient.from_blob_url(logs[0], **{**OPTIONS, "retry_total": 0}) as blob:
        size = int(blob.get_blob_properties().size)
        start = offset if size >= offset else 0
        if size == start:
            return b"", start
        content = blob.download_blob(offset=start, max_concurrency=1).readall()
        return content, start + len(content)
