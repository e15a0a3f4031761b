"""A training as Azure ML runs it, beside a loopback server in Azure's place: runs in the image.

    python azure_job.py FOLDER [ARGUMENT...]

The job's variables are set, and MLflow reaches "Azure" by its unmodified plugin over TLS. What it
asked for is written to FOLDER/requests.json. Shapes: the plugin's own REST client.
"""

import datetime as dt
import http.server
import ipaddress
import json
import os
import ssl
import sys
import threading
from pathlib import Path
from urllib.parse import quote, urlsplit

import jwt
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

SCOPE = "/subscriptions/s/resourceGroups/r/providers/Microsoft.MachineLearningServices/workspaces/w"
RUN = "job_1"
requests: list[tuple[str, str, str]] = []


class Azure(http.server.BaseHTTPRequestHandler):
    """Run history, artifacts and blob store, as far as a job's MLflow asks for them."""

    def do_GET(self) -> None:
        self._answer(200, self._reply())

    def do_POST(self) -> None:
        self._answer(200, self._reply())

    def do_PUT(self) -> None:
        self._reply()
        self._answer(201, {})

    def _reply(self) -> dict[str, object]:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        path = urlsplit(self.path).path
        is_text = path.endswith(("/log-batch", "/metadata"))
        requests.append((self.command, path, body.decode() if is_text else str(len(body))))
        host = self.headers["Host"]
        if path.endswith("/runs/get"):
            folder = f"azureml://{host}{SCOPE}/experiments/e/runs/{RUN}/artifacts"
            info = {"run_id": RUN, "run_uuid": RUN, "experiment_id": "e", "status": "RUNNING"}
            info |= {"artifact_uri": folder, "lifecycle_stage": "active", "run_name": "proud_sky"}
            return {"run": {"info": info, "data": {}}}
        if path.endswith("/artifacts/batch/metadata"):
            names = [entry["path"] for entry in json.loads(body)["paths"]]
            blobs = {name: f"https://{host}/account/azureml/{quote(name)}?sig=x" for name in names}
            found = {name: {"contentUri": uri, "path": name} for name, uri in blobs.items()}
            return {"artifacts": {}, "artifactContentInformation": found, "errors": {}}
        return {}

    def _answer(self, code: int, reply: dict[str, object]) -> None:
        content = json.dumps(reply).encode()
        self.send_response(code)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        """Say nothing: the training's own output is what is looked at."""


def certificate(folder: Path) -> tuple[Path, Path]:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "azure")])
    now = dt.datetime.now(dt.UTC)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now)
        .not_valid_after(now + dt.timedelta(hours=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]),
            critical=False,
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    crt, pem = folder / "azure.crt", folder / "azure.key"
    crt.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    form = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    pem.write_bytes(key.private_bytes(serialization.Encoding.PEM, *form))
    return crt, pem


def main() -> int:
    folder = Path(sys.argv[1])
    crt, pem = certificate(folder)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Azure)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(crt, pem)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    token = jwt.encode({"exp": 4102444800}, "no secret, but long enough for the algorithm's rule")
    os.environ |= {
        "MLFLOW_TRACKING_URI": f"azureml://127.0.0.1:{server.server_port}/mlflow/v1.0{SCOPE}?",
        "MLFLOW_TRACKING_TOKEN": token,
        "MLFLOW_RUN_ID": RUN,
        "MLFLOW_EXPERIMENT_NAME": "e",
        "MLFLOW_EXPERIMENT_ID": "e",
        "AZUREML_RUN_ID": RUN,
        "REQUESTS_CA_BUNDLE": str(crt),
    }
    from trainer.__main__ import main as train  # after the variables

    code = train(sys.argv[2:])
    (folder / "requests.json").write_text(json.dumps(requests))
    return code


if __name__ == "__main__":
    sys.exit(main())
