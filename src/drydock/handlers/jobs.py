"""Command jobs in ARM's form."""

from drydock.handlers.filters import check_filters, has_all, is_viewed
from drydock.handlers.job_answers import fixed_part, rendered, without_nulls
from drydock.handlers.job_checks import check_job, image_of
from drydock.http_values import Answer, Context, Request, location_of, operation_headers, page_of
from drydock.refusal import not_found

_CANCEL = "jc"  # how the service marks the operation of a cancellation


def get_job(request: Request, context: Context) -> Answer:
    """Return a job."""
    job = context.state.jobs.get(request.names["job"])
    return Answer(body=rendered(context, job, request.query.get("api-version", "")))


def list_jobs(request: Request, context: Context) -> Answer:
    """Return the jobs, the newest first, by type, tag, properties and archive.

    No job of drydock's comes from a schedule.
    """
    check_filters(request)
    api, asked = request.query.get("api-version", ""), request.query
    is_of_schedule = asked.get("scheduled", "").lower() == "true" or "scheduleId" in asked
    jobs = [
        job
        for job in reversed(context.state.jobs.all())
        if is_viewed(request, is_archived=bool(job.given.get("isArchived")))
        and not is_of_schedule
        and asked.get("jobType", "Command").lower() == "command"
        and has_all(request, "tag", job.given.get("tags"))
        and has_all(request, "properties", job.given.get("properties"))
    ]
    return page_of([rendered(context, job, api) for job in jobs])


def put_job(request: Request, context: Context) -> Answer:
    """Accept a job and start it; a repeated request does not start it again."""
    state = context.state
    given = request.properties()
    name = request.names["job"]
    check_job(state, given)
    job, is_new = state.jobs.add(
        name, given, image_of(state, given), fixed=lambda one: without_nulls(fixed_part(name, one))
    )
    body = rendered(context, job)
    if is_new:
        context.conductor.conduct(job)
    headers = {"Location": location_of(context, request, body)}
    return Answer(status=201 if is_new else 200, body=body, headers=headers)


def cancel_job(request: Request, context: Context) -> Answer:
    """Request a job's cancellation; the answer has the address of the operation."""
    state = context.state
    job = state.jobs.request_cancel(request.names["job"])
    operation = f"{_CANCEL}:{state.arm_ids.workspace}:{job.name}"
    headers = operation_headers(context, request, "mfeOperationResults", operation)
    return Answer(status=202, headers={"Location": headers["Azure-AsyncOperation"], **headers})


def get_cancellation(request: Request, context: Context) -> Answer:
    """Return whether a cancelled job is over.

    The recorded answer is an empty object; the SDK reads the status that this one has.
    """
    kind, _, rest = request.names["operation"].partition(":")
    workspace, _, name = rest.partition(":")
    if kind != _CANCEL or workspace != context.state.arm_ids.workspace:
        raise not_found("Operation", request.names["operation"])
    if context.state.jobs.get(name).is_over:
        return Answer(body={"status": "Succeeded"})
    return Answer(status=202, body={"status": "InProgress"}, headers={"Retry-After": "1"})


def delete_job(request: Request, context: Context) -> Answer:
    """Remove a job that is over."""
    context.state.jobs.remove(request.names["job"])
    context.state.tracking.remove(request.names["job"])
    return Answer()
