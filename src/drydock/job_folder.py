"""Paths, variables and command of a job in its container, as on the service. Pure functions.

The service's behaviour was collected from public reports; docs/reference/drydock.md lists the
differences that we know.
"""

import hashlib
import re
from collections.abc import Mapping, Sequence

from drydock.job_spec import JobSpec

MASTER_PORT = 6105  # as in the service's documentation
_EXPRESSION = re.compile(r"\$\{\{\s*(.*?)\s*\}\}")


class ExpressionError(Exception):
    """The command names an input or output that the job does not have."""


def job_root(job: str) -> str:
    """Return the folder that contains all of a job's folders."""
    return f"/mnt/azureml/cr/j/{hashlib.sha256(job.encode()).hexdigest()[:32]}"


def working_folder(job: str) -> str:
    """Return the folder that the command starts in."""
    return f"{job_root(job)}/exe/wd"


def data_folder(job: str) -> str:
    """Return the folder of inputs and outputs."""
    return f"{job_root(job)}/cap/data-capability/wd"


def input_folder(job: str, name: str) -> str:
    """Return the folder of an input's files."""
    return f"{data_folder(job)}/INPUT_{name}"


def output_folder(job: str, name: str) -> str:
    """Return the folder that the command writes an output into."""
    return f"{data_folder(job)}/{name}"


def command_line(spec: JobSpec, inputs: Mapping[str, str]) -> str:
    """Return the command with the paths and literal values filled in. Raises ExpressionError.

    `inputs` are the paths of the data: a folder, or the file in it.
    """
    values = {f"inputs.{name}": value for name, value in (*spec.literals.items(), *inputs.items())}
    values |= {f"outputs.{name}": output_folder(spec.name, name) for name in spec.outputs}
    unknown = [name for name in _EXPRESSION.findall(spec.command) if name not in values]
    if unknown:
        raise ExpressionError(f"the command names {unknown[0]}, which the job does not have")
    return _EXPRESSION.sub(lambda found: values[found[1]], spec.command)


def node_variables(node: int, addresses: Sequence[str]) -> dict[str, str]:
    """Return the variables that differ between the nodes of a job with the distribution PyTorch.

    One process runs on each node. The first four are documented, the others were seen in public
    code: https://learn.microsoft.com/azure/machine-learning/how-to-train-distributed-gpu
    """
    count, main = str(len(addresses)), addresses[0]
    return {
        "MASTER_ADDR": main,
        "MASTER_PORT": str(MASTER_PORT),
        "WORLD_SIZE": count,
        "NODE_RANK": str(node),
        "RANK": str(node),
        "LOCAL_RANK": "0",
        "AZUREML_NODE_COUNT": count,
        "AZUREML_CR_NODE_RANK": str(node),
        "AZ_BATCH_NODE_LIST": ";".join(addresses),
        "AZ_BATCH_HOST_LIST": ",".join(addresses),
        "AZ_BATCHAI_JOB_MASTER_NODE_IP": main,
    }


def variables(spec: JobSpec, inputs: Mapping[str, str]) -> dict[str, str]:
    """Return the variables of a job's container; the job's own variables take precedence.

    Expressions are not replaced in them: the service replaces expressions in the command only.
    """
    job = spec.name
    found = {
        "AZUREML_CR_EXECUTION_WORKING_DIR_PATH": working_folder(job),
        "AZUREML_CR_DATA_CAPABILITY_PATH": data_folder(job).rsplit("/", 1)[0],
        "AZ_BATCHAI_JOB_WORK_DIR": working_folder(job),
        "AZ_BATCHAI_JOB_MASTER_NODE_IP": "127.0.0.1",
    }
    for name, path in inputs.items():
        found[f"AZURE_ML_INPUT_{name}"] = found[f"AZUREML_DATAREFERENCE_{name}"] = path
    for name in spec.outputs:
        found[f"AZURE_ML_OUTPUT_{name}"] = output_folder(job, name)
    for name, value in spec.literals.items():
        found[f"AZUREML_PARAMETER_{name}"] = value
    return found | dict(spec.environment)
